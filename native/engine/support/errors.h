/** @file The error of every failure, and exceptions, LibTorch's among them, turned into it. */
#pragma once

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "support/stop_flag.h"

namespace hyperiqa {

/** Every failure of the engine: a stable code (ERR_…) for programs and a message that says what to do. Copying takes no
 *  memory, so that lack of it can be told, too. */
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message)
      : std::runtime_error(message), code_(std::make_shared<const std::string>(std::move(code))) {}
  Error(const Error&) noexcept = default;
  Error& operator=(const Error&) noexcept = default;
  ~Error() override = default;
  const std::string& code() const noexcept { return *code_; }

 private:
  std::shared_ptr<const std::string> code_;
};

/** ERR_OUT_OF_MEMORY, for where there is no memory to make an Error. Called once beforehand, it never fails. */
const Error& no_memory();

/** First line of what an exception says; of LibTorch's errors without the backtrace. */
std::string plain_message(const std::exception& error);

/** An exception that is in flight as an Error: an Error as it is, lack of memory as ERR_OUT_OF_MEMORY, anything else as
 *  ERR_INTERNAL. Without memory to say more, `no_memory()`, which must have been called once before. */
Error as_error(const std::exception_ptr& exception) noexcept;

/** Checks for a stop, between the steps of a load. @throws Error ERR_ABORTED once a stop has been asked for */
void check_stop(const StopFlag& stop);

}  // namespace hyperiqa
