// SPDX-License-Identifier: GPL-2.0-only
//
// rmforkctl probe: asks without effect, on any kernel.
#include <memory>
#include <optional>
#include <ostream>

#include "rmfork/error.h"
#include "rmfork/src/format.h"
#include "rmfork/tools/commands.h"
#include "rmfork/tools/text.h"

namespace rmfork::ctl {
namespace {

// One way to the kernel, and what it leads to.
struct Way {
  TransportChoice choice = TransportChoice::kAuto;
  std::string name;                   // "syscall 454"
  std::optional<std::string> answer;  // of the number 454 to a null pointer
  std::string trouble;                // why it cannot be used; empty: it can
  std::optional<rmfork_query> pool;   // usable, and absent: only dump and restore
};

void ask(Way& way, std::unique_ptr<Transport> transport) {
  const Kernel kernel(std::move(transport));
  way.pool = kernel.pool();
}

Way look_at_syscall(const TransportSources& sources) {
  Way way;
  way.choice = TransportChoice::kSyscall;
  way.name = rmfork::format("syscall {}", RMFORK_SYSCALL_NR);
  way.answer = probe(sources.issue).answer_name();
  way.trouble = syscall_trouble(sources.issue);
  if (!way.trouble.empty()) return way;
  try {
    ask(way, open_transport(TransportChoice::kSyscall, sources));
  } catch (const Error& e) {
    way.trouble = e.what();
  }
  return way;
}

Way look_at_device(const TransportSources& sources) {
  Way way;
  way.choice = TransportChoice::kDevice;
  way.name = sources.device_path;
  try {
    ask(way, make_device_transport(sources.device_path.c_str()));
  } catch (const Error& e) {
    way.trouble = e.what();
  }
  return way;
}

Json way_json(const Way& way) {
  const bool usable = way.trouble.empty();
  const auto& pool = way.pool;
  Json json = Json::object();
  json.set("transport", transport_name(way.choice)).set("name", way.name).set("usable", usable);
  if (way.answer) json.set("answer", *way.answer);
  json.set("reason", usable ? Json(nullptr) : Json(way.trouble));
  json.set("interface", usable ? Json(pool ? "extended" : "basic") : Json(nullptr));
  json.set("abi_version", pool ? Json(pool->abi_version) : Json(nullptr));
  json.set("features", pool ? features_json(pool->features) : Json::array());
  json.set("pool_uuid", pool ? Json(uuid_text(pool->pool_uuid)) : Json(nullptr));
  return json;
}

std::string way_text(const Way& way) {
  std::string text = way.name + "\n";
  std::vector<LabelledValue> lines;
  lines.push_back({"usable", way.trouble.empty() ? "yes" : "no"});
  if (way.answer) lines.push_back({"answers", *way.answer});
  if (!way.trouble.empty()) {
    lines.push_back({"reason", printable(way.trouble)});
  } else if (!way.pool) {
    lines.push_back({"interface", "basic: dump and restore, and no extensions"});
  } else {
    std::string names;
    for (const std::string& name : feature_names(way.pool->features))
      names += (names.empty() ? "" : " ") + name;
    lines.push_back(
        {"interface", rmfork::format("extended, ABI version {}", way.pool->abi_version)});
    lines.push_back({"features", names.empty() ? "none" : names});
    lines.push_back({"pool", uuid_text(way.pool->pool_uuid)});
  }
  return text + labelled(lines, 2);
}

}  // namespace

int probe_kernel(const Environment& env, const Request& request) {
  std::vector<Way> ways;
  if (request.transport != TransportChoice::kDevice) ways.push_back(look_at_syscall(env.sources));
  if (request.transport != TransportChoice::kSyscall) ways.push_back(look_at_device(env.sources));

  const Way* chosen = nullptr;
  std::string troubles;
  Json list = Json::array();
  for (const Way& way : ways) {
    if (chosen == nullptr && way.trouble.empty()) chosen = &way;
    troubles += (troubles.empty() ? "" : " and ") + way.trouble;
    list.push(way_json(way));
  }
  if (request.json) {
    print_json(env, Json::object()
                        .set("usable", chosen != nullptr)
                        .set("chosen", chosen ? Json(transport_name(chosen->choice)) : nullptr)
                        .set("transports", list));
  } else {
    for (const Way& way : ways) env.out << way_text(way);
    if (chosen) env.out << "rmfork is used by " << chosen->name << '\n';
  }
  if (chosen) return kOk;
  complain(env, "rmfork cannot be used: " + printable(troubles));
  return kFailed;
}

}  // namespace rmfork::ctl
