/* A stand-in for NVIDIA's driver library, libcuda.so.1: as much of it as the choice of a device asks for.
 *
 * STANDIN_DEVICES  number of devices, 1 where it is not set
 * STANDIN_STATUS   what cuInit returns, 0 where it is not set
 * STANDIN_VERSION  newest CUDA that it supports, 13000 for CUDA 13.0, which is also what it is where it is not set
 * As with the driver, CUDA_VISIBLE_DEVICES names the devices to be seen. With STANDIN_INCOMPLETE defined, functions are
 * missing. Handles of devices differ from their numbers, so that one taken for the other shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_VALUE = 1, NO_DEVICE = 100, INVALID_DEVICE = 101, FIRST_HANDLE = 1000, MOST = 64 };

static int number(const char* variable, int otherwise) {
  const char* text = getenv(variable);
  return text ? atoi(text) : otherwise;
}

/* Numbers of the devices to be seen; the list ends at the first that there is not. */
static int visible(int devices[MOST]) {
  const int all = number("STANDIN_DEVICES", 1);
  const char* text = getenv("CUDA_VISIBLE_DEVICES");
  int count = 0;
  if (!text) {
    while (count < all && count < MOST) devices[count] = count, ++count;
    return all < 0 ? all : count;
  }
  while (*text && count < MOST) {
    char* end;
    const long device = strtol(text, &end, 10);
    if (end == text || device < 0 || device >= all) break;
    devices[count++] = (int)device;
    text = *end == ',' ? end + 1 : end;
  }
  return count;
}

int cuInit(unsigned flags) {
  int devices[MOST];
  const int status = number("STANDIN_STATUS", SUCCESS);
  if (flags != 0) return INVALID_VALUE;
  if (status != SUCCESS) return status;
  return visible(devices) == 0 && getenv("CUDA_VISIBLE_DEVICES") ? NO_DEVICE : SUCCESS;
}

int cuDriverGetVersion(int* version) {
  *version = number("STANDIN_VERSION", 13000);
  return SUCCESS;
}

int cuDeviceGetCount(int* count) {
  int devices[MOST];
  *count = visible(devices);
  return SUCCESS;
}

int cuDeviceGet(int* device, int ordinal) {
  int devices[MOST];
  if (ordinal < 0 || ordinal >= visible(devices)) return INVALID_DEVICE;
  *device = FIRST_HANDLE + devices[ordinal];
  return SUCCESS;
}

#ifndef STANDIN_INCOMPLETE
int cuDeviceGetName(char* name, int length, int device) {
  if (device < FIRST_HANDLE) return INVALID_DEVICE;
  snprintf(name, (size_t)length, "Stand-in %d", device - FIRST_HANDLE);
  return SUCCESS;
}
#endif
