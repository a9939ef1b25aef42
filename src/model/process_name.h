#pragma once

#include <string_view>

namespace galproc {

/// Whether two names of programs are the same to people: ASCII case and a trailing ".exe" do not count.
bool is_same_name(std::string_view a, std::string_view b);

}  // namespace galproc
