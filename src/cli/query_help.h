#pragma once

#include <string>

#include "store/query_catalogue.h"

namespace galproc {

/// The help of one query, from its header: what it answers, what it takes, what it gives.
std::string query_help(const NamedQuery& query);

/// Its statement, headed by comments that tell what to bind to its parameters elsewhere: in which unit, and what
/// galproc binds where nothing is given.
std::string query_to_paste(const NamedQuery& query);

}  // namespace galproc
