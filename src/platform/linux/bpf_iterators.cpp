#include "platform/linux/bpf_iterators.h"

#include <bpf/libbpf.h>

#include <utility>

#include "platform/linux/bpf/iterator_records.h"
#include "platform/linux/bpf_object.h"

namespace galproc {

namespace {

constexpr const char* kProcesses = "tell_processes";
constexpr const char* kSockets = "tell_sockets";

/// An object with these programs, loaded; an empty one, with the reason.
BpfObject load(bool processes, bool sockets, const galproc_iterator_settings& settings, std::string& why_not) {
  BpfObject object = BpfObject::open(BpfObject::Which::Iterators, why_not);
  if (!object) return object;
  object.want(kProcesses, processes);
  object.want(kSockets, sockets);
  object.set(settings);
  return object.load(why_not) ? std::move(object) : BpfObject();
}

}  // namespace

BpfIterators load_bpf_iterators(std::uint32_t network_namespace) {
  BpfIterators iterators;
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 1 || cpus > GALPROC_MOST_CPUS) {
    iterators.why_no_processes = iterators.why_no_sockets =
        "this machine has more CPUs than galproc's programs can sum";
    return iterators;
  }
  const galproc_iterator_settings settings{static_cast<__u32>(cpus), network_namespace};
  std::string why_not_both;
  // Together first, since the price is that of reading the kernel's types, once for each object.
  const BpfObject both = load(true, true, settings, why_not_both);
  const BpfObject processes = both ? BpfObject() : load(true, false, settings, iterators.why_no_processes);
  const BpfObject sockets = both ? BpfObject() : load(false, true, settings, iterators.why_no_sockets);
  if (const BpfObject& loaded = both ? both : processes) {
    iterators.processes = loaded.attach_iterator(kProcesses, iterators.why_no_processes);
  }
  if (const BpfObject& loaded = both ? both : sockets) {
    iterators.sockets = loaded.attach_iterator(kSockets, iterators.why_no_sockets);
  }
  return iterators;
}

}  // namespace galproc
