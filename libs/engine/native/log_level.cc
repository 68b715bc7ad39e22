// TensorFlow logs a banner while its library is being initialised, before it reads TF_CPP_MIN_LOG_LEVEL, and a banner
// garbles a terminal with progress on it. This file is part of the addon, which is linked with `-z initfirst`: so the
// constructor below runs before those of TensorFlow's libraries. absl's log level is a constant-initialised atomic and
// may be set that early.

#include <algorithm>
#include <cstdlib>

#include "absl/base/log_severity.h"
#include "absl/log/globals.h"

namespace {

// As for TF_CPP_MIN_LOG_LEVEL: 0 says everything, 2 (ours, where nothing is set) errors only, 3 nothing but a crash.
__attribute__((constructor)) void SetLogLevelEarly() {
  const char* asked = std::getenv("TF_CPP_MIN_LOG_LEVEL");
  const int level = std::clamp(asked == nullptr ? 2 : std::atoi(asked), 0, 3);
  absl::SetMinLogLevel(static_cast<absl::LogSeverityAtLeast>(level));
}

}  // namespace
