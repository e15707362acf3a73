#include "mailbox.h"

namespace hyperiqa::addon {

Mailbox::Mailbox(Napi::Env env)
    : channel_(Channel::New(env, "hyperiqa", 0, 1, this)),
      outbox_([this] { return channel_.NonBlockingCall() == napi_ok; }) {
  channel_.Unref(env);
}

void Mailbox::hold(Napi::Env env) {
  if (held_++ == 0) channel_.Ref(env);
  outbox_.wake_again();
}

void Mailbox::release(Napi::Env env) {
  if (--held_ == 0) channel_.Unref(env);
}

void Mailbox::drain(Napi::Env env, Napi::Function /*callback*/, Mailbox* mailbox, void* /*data*/) {
  if (static_cast<napi_env>(env) == nullptr) return;  // the environment is going; the mailbox may be gone already
  Parcels parcels = mailbox->outbox_.take();
  while (const auto parcel = parcels.pop()) {
    try {
      const Napi::HandleScope scope(env);
      dynamic_cast<Message&>(*parcel).run(env);
    } catch (...) {  // NOLINT(bugprone-empty-catch)
      // Happens only in an environment that is being terminated: nobody waits for the message any more.
    }
  }
}

}  // namespace hyperiqa::addon
