#include "support/errors.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

namespace hyperiqa {
namespace {

/** TorchScript's interpreter rethrows everything as std::runtime_error, and the CPU allocator has no error type of its
 *  own, so lack of memory can often be told by the words alone. */
bool tells_of_memory(std::string_view text) {
  constexpr std::array<std::string_view, 5> kWords = {"out of memory", "not enough memory", "can't allocate memory",
                                                      "std::bad_alloc", "Storage size calculation overflowed"};
  return std::ranges::any_of(kWords, [text](auto words) { return text.find(words) != std::string_view::npos; });
}

Error out_of_memory(const std::string& detail) {
  return {"ERR_OUT_OF_MEMORY",
          "There was not enough memory for this image. Use a smaller batch size, fewer images at once or a smaller "
          "resize. (" +
              detail + ")"};
}

std::string first_line(std::string text) {
  text.erase(std::min(text.find('\n'), text.size()));
  return text;
}

}  // namespace

std::string plain_message(const std::exception& error) {
  if (const auto* c10_error = dynamic_cast<const c10::Error*>(&error)) {
    return first_line(c10_error->what_without_backtrace());
  }
  // The interpreter's errors: a general line, the script's call stack, and the cause in the last line.
  std::string text = error.what();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.starts_with("The following operation failed in the TorchScript interpreter")) {
    return text.substr(text.rfind('\n') + 1);
  }
  return first_line(text);
}

void check_stop(const StopFlag& stop) {
  if (stop.stop_requested()) throw Error("ERR_ABORTED", "The load was given up.");
}

namespace {

Error described(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return error;
  } catch (const c10::OutOfMemoryError& error) {
    return out_of_memory(plain_message(error));
  } catch (const std::bad_alloc& error) {
    return out_of_memory(error.what());
  } catch (const std::exception& error) {
    if (tells_of_memory(error.what())) return out_of_memory(plain_message(error));
    return {"ERR_INTERNAL", plain_message(error)};
  } catch (...) {
    return {"ERR_INTERNAL", "An exception of an unknown type was thrown."};
  }
}

}  // namespace

const Error& no_memory() {
  // Never destroyed: threads that were let go of may outlast static objects.
  static const Error* const error = new Error(out_of_memory("no details"));  // NOLINT(cppcoreguidelines-owning-memory)
  return *error;
}

Error as_error(const std::exception_ptr& exception) noexcept {
  try {
    return described(exception);
  } catch (...) {
    return no_memory();
  }
}

}  // namespace hyperiqa
