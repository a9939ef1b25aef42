#pragma once

#include <string>

#include "store/query_catalogue.h"

namespace galproc {

/// The help of one query, from its header: what it answers, what it takes, what it gives.
std::string query_help(const NamedQuery& query);

}  // namespace galproc
