/**
 * @file
 * Node-API as this addon uses it. Every source includes this header and never <napi.h> itself, so that the definitions
 * are the same everywhere.
 */
#pragma once

/** Node.js 18.17, 20.3 and later. */
#define NAPI_VERSION 9  // NOLINT(cppcoreguidelines-macro-usage): read by <napi.h>
#define NODE_ADDON_API_CPP_EXCEPTIONS
/** A worker that is being terminated cannot throw into JavaScript any more; without this the process would abort. */
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS

#include <napi.h>
