/**
 * @file
 * A stand-in for libtorch_cuda.so: registers with LibTorch, when it is opened, what the real one registers and the
 * engine uses: hooks, a device guard with streams and events, an allocator, and kernels. Its devices are those of the
 * stand-in driver, their memory is the host's, and their kernels are the processor's. So the engine's way through a
 * CUDA device can be run where there is no GPU; nothing is learnt of CUDA's own kernels, speed or concurrency.
 *
 * STANDIN_KERNELS=none  no kernels, as on a GPU that is too old for a build
 */
#include <ATen/EmptyTensor.h>
#include <ATen/InferSize.h>
#include <ATen/TensorUtils.h>
#include <ATen/core/Tensor.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

extern "C" int cuDeviceGetCount(int* count);
extern "C" int cuDriverGetVersion(int* version);

namespace {

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): as in the CUDA runtime
thread_local c10::DeviceIndex current_device = 0;
thread_local c10::StreamId current_stream = 0;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

constexpr long kRuntimeVersion = 13000;

/** Number of devices; as with the CUDA runtime, there are none over a driver of an older CUDA. */
c10::DeviceIndex count_devices() noexcept {
  int version = 0;
  cuDriverGetVersion(&version);
  if (version < kRuntimeVersion) return 0;
  int count = 0;
  cuDeviceGetCount(&count);
  return static_cast<c10::DeviceIndex>(count);
}

class Memory : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* const data = c10::GetDefaultCPUAllocator()->raw_allocate(bytes);
    return {data, data, c10::GetDefaultCPUAllocator()->raw_deleter(), c10::Device(c10::kCUDA, current_device)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return c10::GetDefaultCPUAllocator()->raw_deleter(); }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }
};

Memory& memory() {
  static auto* const instance = new Memory;  // NOLINT(cppcoreguidelines-owning-memory)
  return *instance;
}

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return c10::kCUDA; }
  c10::Device getDevice() const override { return {c10::kCUDA, current_device}; }
  void setDevice(c10::Device device) const override {
    TORCH_CHECK(device.index() >= 0 && device.index() < count_devices(), "invalid device ordinal");
    current_device = device.index();
  }
  void uncheckedSetDevice(c10::Device device) const noexcept override { current_device = device.index(); }
  c10::Device exchangeDevice(c10::Device device) const override {
    const c10::Device before = getDevice();
    setDevice(device);
    return before;
  }
  c10::Stream getStream(c10::Device device) const override {
    return c10::Stream(c10::Stream::UNSAFE, device, current_stream);
  }
  c10::Stream getDefaultStream(c10::Device device) const override { return c10::Stream(c10::Stream::DEFAULT, device); }
  c10::Stream getStreamFromGlobalPool(c10::Device device, bool /*high*/) const override {
    static std::atomic<c10::StreamId> last = 0;
    return c10::Stream(c10::Stream::UNSAFE, device, ++last);
  }
  c10::Stream exchangeStream(c10::Stream stream) const override {
    const c10::Stream before = getStream(stream.device());
    current_stream = stream.id();
    return before;
  }
  c10::DeviceIndex deviceCount() const noexcept override { return count_devices(); }
  /** An event is the stream that it was recorded on: everything is done at once. */
  void record(void** event, const c10::Stream& stream, c10::DeviceIndex /*device*/,
              c10::EventFlag /*flag*/) const override {
    TORCH_CHECK(stream.id() != 0 && stream.id() == current_stream, "recorded on a stream that is not in use");
    *event = reinterpret_cast<void*>(stream.id());  // NOLINT(performance-no-int-to-ptr)
  }
  void synchronizeEvent(void* event) const override {
    TORCH_CHECK(event != nullptr, "waits for an event that was not recorded");
  }
};

struct CUDAHooks final : at::CUDAHooksInterface {
  explicit CUDAHooks(at::CUDAHooksArgs /*none*/) {}
  void init() const override {}
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return count_devices() > 0; }
  bool hasCUDA() const override { return count_devices() > 0; }
  bool hasCUDART() const override { return true; }
  long versionCUDART() const override { return kRuntimeVersion; }
  bool hasPrimaryContext(c10::DeviceIndex /*device*/) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return count_devices(); }
  int getNumGPUs() const override { return count_devices(); }
  c10::DeviceIndex current_device() const override { return ::current_device; }
  c10::Allocator* getPinnedMemoryAllocator() const override { return c10::GetDefaultCPUAllocator(); }
};

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout> /*layout*/,
                 std::optional<at::Device> device, std::optional<bool> /*pinned*/,
                 std::optional<at::MemoryFormat> format) {
  const c10::DeviceGuard guard(device.value());
  return at::detail::empty_generic(size, &memory(), c10::DispatchKeySet(c10::DispatchKey::CUDA),
                                   dtype.value_or(at::kFloat), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout> /*layout*/, std::optional<at::Device> device,
                         std::optional<bool> /*pinned*/) {
  const c10::DeviceGuard guard(device.value());
  return at::detail::empty_strided_generic(size, stride, &memory(), c10::DispatchKeySet(c10::DispatchKey::CUDA),
                                           dtype.value_or(at::kFloat));
}

at::Tensor as_strided(const at::Tensor& self, at::IntArrayRef size, at::IntArrayRef stride,
                      std::optional<int64_t> offset) {
  at::Tensor view = at::detail::make_tensor<c10::TensorImpl>(c10::TensorImpl::VIEW, c10::Storage(self.storage()),
                                                             self.key_set(), self.dtype());
  view.unsafeGetTensorImpl()->set_sizes_and_strides(size, stride, offset.value_or(self.storage_offset()));
  return view;
}

at::Tensor view(const at::Tensor& self, at::IntArrayRef size) {
  const auto inferred = at::infer_size_dv(size, self.numel());
  const auto stride = at::detail::computeStride(self.sizes(), self.strides(), inferred);
  TORCH_CHECK(stride.has_value(), "view of incompatible strides");
  return as_strided(self, inferred, *stride, std::nullopt);
}

at::Tensor on_host(const at::Tensor& tensor) {
  return tensor.is_cpu() ? tensor
                         : at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(),
                                         at::TensorOptions(tensor.scalar_type()));
}

at::Tensor& copy_(at::Tensor& self, const at::Tensor& source, bool /*non_blocking*/) {
  on_host(self).copy_(on_host(source));
  return self;
}

at::Tensor copy_from_and_resize(const at::Tensor& self, const at::Tensor& target) {
  if (target.sizes() != self.sizes()) {
    const at::Tensor resized = empty(self.sizes(), self.scalar_type(), {}, target.device(), {}, {});
    target.unsafeGetTensorImpl()->shallow_copy_from(resized.getIntrusivePtr());
  }
  on_host(target).copy_(on_host(self));
  return target;
}

at::Tensor reshape_alias(const at::Tensor& self, at::IntArrayRef size, at::IntArrayRef stride) {
  return as_strided(self, size, stride, std::nullopt);
}

void on_processor(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  // error_on_views: a view operator would look at a copy on the processor, and so give wrong values.
  at::native::cpu_fallback(op, stack, /*error_on_views=*/true);
}

/** Registered while it lives: for good. */
struct Kernels {
  torch::Library aten{torch::Library::IMPL, "aten", c10::DispatchKey::CUDA, __FILE__, __LINE__};
  torch::Library all{torch::Library::IMPL, "_", c10::DispatchKey::CUDA, __FILE__, __LINE__};

  Kernels() {
    aten.impl("empty.memory_format", TORCH_FN(empty));
    aten.impl("empty_strided", TORCH_FN(empty_strided));
    aten.impl("as_strided", TORCH_FN(as_strided));
    aten.impl("view", TORCH_FN(view));
    aten.impl("_reshape_alias", TORCH_FN(reshape_alias));
    aten.impl("copy_", TORCH_FN(copy_));
    aten.impl("_copy_from_and_resize", TORCH_FN(copy_from_and_resize));
    // LibTorch's composite kernel of convolution would look for one of cuDNN's.
    aten.impl("convolution", torch::CppFunction::makeFromBoxedFunction<&on_processor>());
    all.fallback(torch::CppFunction::makeFromBoxedFunction<&on_processor>());
  }
};

const Kernels* register_kernels() {
  const char* const kernels = std::getenv("STANDIN_KERNELS");
  return kernels != nullptr && std::string_view(kernels) == "none" ? nullptr : new Kernels;
}

const Kernels* const kKernels = register_kernels();

}  // namespace

namespace at {
C10_REGISTER_GUARD_IMPL(CUDA, Guard);
C10_REGISTER_CLASS(CUDAHooksRegistry, CUDAHooks, CUDAHooks);
}  // namespace at
