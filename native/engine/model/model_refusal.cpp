#include "model/model_refusal.h"

#include "engine.h"

namespace hyperiqa {

void refuse_model(const std::string& path, const std::string& reason) {
  throw Error("ERR_MODEL_FORMAT", path + " is not a model file that hyperiqa can use: " + reason);
}

void distrust_model(const std::string& path, const std::string& reason) {
  throw Error("ERR_MODEL_UNTRUSTED",
              path + " holds more than models of hyperiqa need, so nothing of it was run: " + reason +
                  " A model file is a program. If you know who made this one and trust it, load it with the option "
                  "trustModel.");
}

void refuse_model(const std::string& path, const ArchiveError& fault) {
  if (fault.kind() == ArchiveError::Kind::Forbidden) distrust_model(path, fault.what());
  refuse_model(path, std::string(fault.what()));
}

}  // namespace hyperiqa
