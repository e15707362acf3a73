#include "mailbox.h"

#include <utility>

namespace hyperiqa::addon {

Mailbox::Mailbox(Napi::Env env) : channel_(Channel::New(env, "hyperiqa", 0, 1, this)) {
  channel_.Unref(env);
}

void Mailbox::post(Message message) {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  messages_.push_back(std::move(message));
  // One wake-up for all that gather until it is answered. Under the lock, so that `close` waits for it.
  if (messages_.size() == 1) channel_.NonBlockingCall();
}

void Mailbox::hold(Napi::Env env) {
  if (held_++ == 0) channel_.Ref(env);
}

void Mailbox::release(Napi::Env env) {
  if (--held_ == 0) channel_.Unref(env);
}

void Mailbox::close() noexcept {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
}

void Mailbox::drain(Napi::Env env, Napi::Function /*callback*/, Mailbox* mailbox, void* /*data*/) {
  if (static_cast<napi_env>(env) == nullptr) return;  // the environment is going; the mailbox may be gone already
  std::vector<Message> messages;
  {
    const std::scoped_lock lock(mailbox->mutex_);
    messages.swap(mailbox->messages_);
  }
  for (Message& message : messages) {
    try {
      const Napi::HandleScope scope(env);
      message(env);
      message = nullptr;
    } catch (...) {  // NOLINT(bugprone-empty-catch)
      // Only in an environment that is being terminated: nobody waits for the message any more.
    }
  }
}

}  // namespace hyperiqa::addon
