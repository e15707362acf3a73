/** @file Turning exceptions, LibTorch's among them, into Errors. */
#pragma once

#include <exception>
#include <string>

#include "engine.h"

namespace hyperiqa {

/** First line of what an exception says; of LibTorch's errors without the backtrace. */
std::string plain_message(const std::exception& error);

/** An exception that is in flight as an Error: an Error as it is, lack of memory as ERR_OUT_OF_MEMORY, anything else as
 *  ERR_INTERNAL. Without memory to say more, `no_memory()`, which must have been called once before. */
Error as_error(const std::exception_ptr& exception) noexcept;

/** To be called between the steps of a load. @throws Error ERR_ABORTED once a stop has been asked for */
void check_stop(const StopFlag& stop);

}  // namespace hyperiqa
