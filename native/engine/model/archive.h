/** @file A model file as an archive whose content has been looked at. */
#pragma once

#include <caffe2/serialize/read_adapter_interface.h>

#include <memory>
#include <string>

namespace hyperiqa {

/** A model file that is open and has been checked. */
struct Archive {
  /** The bytes that LibTorch loads. All but the numbers of tensors come from memory: they are what was checked, even
   *  where the file is changed meanwhile. */
  std::shared_ptr<caffe2::serialize::ReadAdapterInterface> content;
  std::string description;  ///< hyperiqa.json
};

/**
 * Opens a model file and checks what it holds before anything of it runs: the archive's structure, its records by name
 * and size, and, unless it is trusted, its code and its pickles (code_check.h, pickle_check.h).
 *
 * @param trusted  the code and the pickles are not looked at
 * @throws Error ERR_MODEL_NOT_FOUND, ERR_MODEL_FORMAT, ERR_MODEL_UNTRUSTED
 */
Archive open_archive(const std::string& path, bool trusted);

}  // namespace hyperiqa
