/** @file Faults in the content of a model file, before its path is known. */
#pragma once

#include <stdexcept>
#include <string>

namespace hyperiqa {

/** A reason to refuse a model file; `load_model` puts it behind the file's name. */
class ArchiveError : public std::runtime_error {
 public:
  enum class Kind {
    Damaged,   ///< cut off, changed, out of bounds: becomes ERR_MODEL_FORMAT
    Forbidden  ///< readable, but more than a model of hyperiqa needs: becomes ERR_MODEL_UNTRUSTED
  };

  ArchiveError(Kind error_kind, const std::string& reason) : std::runtime_error(reason), kind_(error_kind) {}
  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

[[noreturn]] inline void damaged(const std::string& reason) {
  throw ArchiveError(ArchiveError::Kind::Damaged, reason);
}

[[noreturn]] inline void forbidden(const std::string& reason) {
  throw ArchiveError(ArchiveError::Kind::Forbidden, reason);
}

}  // namespace hyperiqa
