// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/tools/ctl.h"

#include <ostream>

#include "rmfork/error.h"
#include "rmfork/src/format.h"
#include "rmfork/tools/command-line.h"
#include "rmfork/tools/commands.h"
#include "rmfork/tools/text.h"

namespace rmfork::ctl {
namespace {

int dispatch(const Environment& env, const Request& request) {
  switch (request.command) {
    case Command::kHelp:
      env.out << help_text();
      return kOk;
    case Command::kVersion:
      env.out << version_text();
      return kOk;
    case Command::kProbe:
      return probe_kernel(env, request);
    case Command::kStatus:
      return show_status(env, request);
    case Command::kList:
      return list_snapshots(env, request);
    case Command::kInfo:
      return show_info(env, request);
    case Command::kVerify:
      return verify_snapshots(env, request);
    case Command::kFree:
      return free_snapshots(env, request);
    case Command::kForgetGuest:
      return forget_guest(env, request);
  }
  return kFailed;
}

}  // namespace

Kernel open_kernel(const Environment& env, const Request& request, std::uint64_t features,
                   std::string_view doing) {
  Kernel kernel(open_transport(request.transport, env.sources));
  if (!kernel.pool())
    throw Error(rmfork::format("{} cannot {}: it has no extensions, only dump and restore",
                               kernel.name(), doing));
  if (!kernel.has(features))
    throw Error(rmfork::format("{} cannot {}: its kernel side lacks that", kernel.name(), doing));
  return kernel;
}

void complain(const Environment& env, std::string_view sentence) {
  env.err << "rmforkctl: " << sentence << '\n';
}

void print_json(const Environment& env, const Json& value) {
  env.out << value.text() << '\n';
}

Json snapshot_json(const rmfork_info& info) {
  return Json::object()
      .set("offset", offset_text(info.meta_off))
      .set("generation", info.generation)
      .set("pid", info.pid)
      .set("pages", info.nr_pages)
      .set("ranges", info.nr_ranges)
      .set("stored_bytes", info.stored_bytes)
      .set("shared_bytes", info.shared_bytes)
      .set("mapped_pages", info.mapped_pages)
      .set("created", utc_time_text(info.created_ns))
      .set("index_checksum", checksum_text(info.index_checksum));
}

Json features_json(std::uint64_t features) {
  Json names = Json::array();
  for (const std::string& name : feature_names(features)) names.push(name);
  return names;
}

int run(const std::vector<std::string>& args, const Environment& env) {
  int status = kFailed;
  try {
    status = dispatch(env, parse_command_line(args));
  } catch (const UsageError& e) {
    complain(env, rmfork::format("{}; try rmforkctl --help", e.what()));
    return kWrongUsage;
  } catch (const std::exception& e) {
    complain(env, e.what());
    return kFailed;
  }
  if (!env.out.flush()) {
    complain(env, "the output could not be written");
    return kFailed;
  }
  return status;
}

}  // namespace rmfork::ctl
