#pragma once

// What a kill says of those it chose, and of those it did not find.

#include <optional>
#include <string>

#include "action/plan.h"
#include "cli/command.h"

namespace galproc {

/// "pid 4243 (node)".
std::string name_of(const ProcessReading& process);

/// Says who is not there, who may not be seen, who is left alone, and who may be started again; and where nothing
/// matched, which selectors nothing matched. `world` is what the plan was made from, `service` the one that was named.
void tell_of_plan(const Plan& plan, const World& world, const Selectors& selectors,
                  const std::optional<std::string>& service, const Context& context);

}  // namespace galproc
