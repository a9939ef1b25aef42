#pragma once

// The embedded BPF objects: opened, loaded, attached; with the sentence of what the kernel said where it refused.

#include <bpf/libbpf.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/posix/descriptor.h"

namespace galproc {

/// Why it was not to be had, for inside of a sentence. `error`: the errno of libbpf.
std::string reason_of(int error);

class BpfObject {
 public:
  /// Objects of their own, so that one that a kernel refuses does not take the other.
  enum class Which { Tracepoints, Iterators };

  BpfObject() = default;
  /// An empty one on failure, with the reason.
  static BpfObject open(Which which, std::string& why_not);

  explicit operator bool() const { return object_ != nullptr; }
  bpf_object* get() const { return object_.get(); }

  /// Whether a program is to be loaded. REQUIRES for these: not loaded yet.
  void want(const char* program, bool wanted);
  void want_only(std::string_view program);
  /// Gives the constant `settings` of the programs its value.
  template <typename Settings>
  void set(const Settings& settings) {
    set(&settings, sizeof settings);
  }
  void set_ring_bytes(const char* map, std::size_t bytes);
  bool load(std::string& why_not);

  /// A descriptor that outlives the object.
  Descriptor duplicate_map(const char* map) const;

  /// Attaches the only program that is to be loaded, an iterator: each file that is made of the link asks anew. None:
  /// with the reason.
  Descriptor attach_iterator(const char* program, std::string& why_not) const;

 private:
  void set(const void* settings, std::size_t bytes);

  struct Close {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
  };
  std::unique_ptr<bpf_object, Close> object_;
};

/// A program that runs; as long as this lives.
struct BpfLinkClose {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using BpfLink = std::unique_ptr<bpf_link, BpfLinkClose>;

/// Attaches every program that was loaded. None: those of births, ends and signals cannot all be had. A sentence in
/// `limits` for what else is missing.
std::vector<BpfLink> attach_all(const BpfObject& object, std::string& why_not, std::vector<std::string>& limits);

}  // namespace galproc
