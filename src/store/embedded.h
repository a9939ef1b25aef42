#pragma once

#include <cstddef>

namespace galproc {

/// A text file of the source tree that was compiled in: its name without folder and ending, and its content.
struct EmbeddedFile {
  const char* name;
  const char* content;
};

/// schema/NNNN_*.sql, sorted: the forward-only migrations.
extern const EmbeddedFile kSchemaFiles[];
extern const std::size_t kSchemaFilesCount;

/// schema/views/*.sql, sorted: dropped and made anew at each schema change.
extern const EmbeddedFile kViewFiles[];
extern const std::size_t kViewFilesCount;

/// schema/triggers/*.sql, sorted: made anew likewise.
extern const EmbeddedFile kTriggerFiles[];
extern const std::size_t kTriggerFilesCount;

/// queries/*.sql, sorted: the named queries.
extern const EmbeddedFile kQueryFiles[];
extern const std::size_t kQueryFilesCount;

}  // namespace galproc
