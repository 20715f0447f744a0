// SPDX-License-Identifier: GPL-2.0-only
//
// rmforkctl list and info: what is in ubmem.
#include <algorithm>
#include <cerrno>
#include <ostream>

#include "rmfork/error.h"
#include "rmfork/src/format.h"
#include "rmfork/tools/commands.h"
#include "rmfork/tools/image-check.h"
#include "rmfork/tools/text.h"

namespace rmfork::ctl {
namespace {

using Align = Table::Align;

std::string pages_text(std::uint64_t pages) {
  return rmfork::format("{} ({})", pages, size_text(pages * RMFORK_PAGE_SIZE));
}

// What holds now, not what tells one snapshot from another.
std::vector<LabelledValue> present_lines(const rmfork_info& info) {
  return {{"pid", std::to_string(info.pid)},
          {"stored", size_text(info.stored_bytes)},
          {"shared", size_text(info.shared_bytes)},
          {"mapped", pages_text(info.mapped_pages)},
          {"created", local_time_text(info.created_ns)}};
}

std::vector<LabelledValue> snapshot_lines(const rmfork_info& info) {
  std::vector<LabelledValue> lines = {{"offset", offset_text(info.meta_off)},
                                      {"generation", std::to_string(info.generation)},
                                      {"pages", pages_text(info.nr_pages)},
                                      {"ranges", std::to_string(info.nr_ranges)},
                                      {"index checksum", checksum_text(info.index_checksum)}};
  for (LabelledValue& line : present_lines(info)) lines.push_back(std::move(line));
  return lines;
}

Json fields_json(const std::vector<Field>& fields) {
  Json json = Json::object();
  for (const Field& field : fields)
    json.set(field.key, Json::object()
                            .set("image", field.image)
                            .set("ubmem", field.ubmem)
                            .set("matches", field.matches));
  return json;
}

Json check_json(const ImageCheck& check) {
  Json json = Json::object();
  json.set("file", check.file).set("pid", check.pid).set("state", state_name(check.state));
  json.set("note", check.note);
  json.set("offset", check.entry ? Json(offset_text(check.entry->meta_off)) : nullptr);
  json.set("transport", check.entry ? Json(check.entry->transport) : nullptr);
  json.set("asked_ranges", check.entry ? Json(check.entry->nr_iovs) : nullptr);
  json.set("identity", fields_json(check.fields));
  json.set("snapshot", check.info ? snapshot_json(*check.info) : nullptr);
  return json;
}

std::string identity_table(const std::vector<Field>& fields) {
  if (fields.empty()) return {};
  Table table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft});
  table.add({"  identity", "image", "ubmem", ""});
  for (const Field& field : fields)
    table.add({"  " + std::string(field.label), field.image.plain(),
               field.ubmem.is_null() ? "-" : field.ubmem.plain(),
               field.matches || field.ubmem.is_null() ? "" : "differs"});
  return table.text();
}

std::string check_text(const ImageCheck& check) {
  std::vector<LabelledValue> lines;
  if (check.entry) {
    const std::uint64_t ranges = check.entry->nr_iovs;
    lines = {{"offset", offset_text(check.entry->meta_off)},
             {"saved by", printable(check.entry->transport)},
             {"asked for", ranges == 0 ? "all private memory" : counted(ranges, "range")}};
  }
  if (check.info)
    for (LabelledValue& line : present_lines(*check.info)) lines.push_back(std::move(line));
  return rmfork::format("{}: {}: {}\n", check.file, state_name(check.state),
                        printable(check.note)) +
         labelled(lines, 2) + identity_table(check.fields);
}

int show_images(const Environment& env, const Request& request, Kernel& kernel) {
  const std::vector<ImageCheck> checks = check_images(kernel, request.images);
  if (request.json) {
    Json list = Json::array();
    for (const ImageCheck& check : checks) list.push(check_json(check));
    print_json(env, Json::object().set("directory", request.images).set("images", list));
  } else {
    for (const ImageCheck& check : checks) env.out << check_text(check);
  }
  const auto present = std::ranges::count(checks, ImageState::kPresent, &ImageCheck::state);
  const std::size_t missing = checks.size() - static_cast<std::size_t>(present);
  if (missing == 0) return kOk;
  complain(env, rmfork::format("{} of {} cannot be restored from this ubmem", missing,
                               counted(checks.size(), "snapshot")));
  return kFailed;
}

int show_one(const Environment& env, const Request& request, Kernel& kernel) {
  const std::uint64_t offset = request.offsets[0];
  rmfork_info info;
  try {
    info = kernel.info(offset);
  } catch (const Error& e) {
    if (e.err() == ENOENT)
      throw Error(rmfork::format("no snapshot lies at {:#x} (rmforkctl list shows all)", offset));
    if (e.err() == EBADMSG)
      throw Error(rmfork::format(
          "the snapshot at {:#x} is damaged: its header is not what was written", offset));
    throw;
  }
  if (request.json)
    print_json(env, snapshot_json(info));
  else
    env.out << labelled(snapshot_lines(info));
  return kOk;
}

}  // namespace

int list_snapshots(const Environment& env, const Request& request) {
  Kernel kernel = open_kernel(env, request, RMFORK_FEAT_LIST, "list snapshots");
  const std::vector<rmfork_info> all = kernel.list();
  if (request.json) {
    Json list = Json::array();
    for (const rmfork_info& info : all) list.push(snapshot_json(info));
    print_json(env, Json::object().set("snapshots", list));
    return kOk;
  }
  if (all.empty()) return kOk;
  Table table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight,
               Align::kRight, Align::kRight, Align::kLeft});
  table.add({"OFFSET", "GENERATION", "PID", "PAGES", "STORED", "SHARED", "MAPPED", "CREATED"});
  for (const rmfork_info& info : all)
    table.add({offset_text(info.meta_off), std::to_string(info.generation),
               std::to_string(info.pid), std::to_string(info.nr_pages),
               size_text(info.stored_bytes), size_text(info.shared_bytes),
               size_text(info.mapped_pages * RMFORK_PAGE_SIZE), local_time_text(info.created_ns)});
  env.out << table.text();
  return kOk;
}

int show_info(const Environment& env, const Request& request) {
  Kernel kernel = open_kernel(env, request, RMFORK_FEAT_INFO, "describe a snapshot");
  return request.images.empty() ? show_one(env, request, kernel)
                                : show_images(env, request, kernel);
}

}  // namespace rmfork::ctl
