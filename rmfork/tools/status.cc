// SPDX-License-Identifier: GPL-2.0-only
//
// rmforkctl status and forget-guest: the pool, and the machines that use it.
#include <cerrno>
#include <cstring>
#include <ostream>

#include "rmfork/error.h"
#include "rmfork/src/format.h"
#include "rmfork/tools/commands.h"
#include "rmfork/tools/text.h"

namespace rmfork::ctl {
namespace {

// Bytes of a fixed field, padded with 0, which may be anything.
template <std::size_t n>
std::string text_of(const std::uint8_t (&field)[n]) {
  const char* text = reinterpret_cast<const char*>(field);
  return {text, strnlen(text, n)};
}

// What a kernel side says that does not know of guests: nothing.
struct Guests {
  bool known = false;
  bool here = false;  // this machine is one
  std::vector<rmfork_guest> all;
};

Guests ask_guests(Kernel& kernel, const rmfork_query& pool) {
  Guests guests;
  guests.known = kernel.has(RMFORK_FEAT_GUESTS);
  if (!guests.known) return guests;
  guests.here = pool.role == RMFORK_ROLE_GUEST;
  guests.all = kernel.guests();
  return guests;
}

Json guests_json(const Guests& guests) {
  if (!guests.known) return nullptr;
  Json list = Json::array();
  for (const rmfork_guest& guest : guests.all)
    list.push(Json::object()
                  .set("uuid", uuid_text(guest.uuid))
                  .set("name", printable(text_of(guest.name)))
                  .set("pins", guest.pins));
  return list;
}

Json status_json(const Kernel& kernel, const rmfork_query& pool, const Guests& guests) {
  const std::string backing = text_of(pool.backing);
  const char* role = guests.here ? "guest" : "owner";
  return Json::object()
      .set("transport", kernel.name())
      .set("abi_version", pool.abi_version)
      .set("features", features_json(pool.features))
      .set("backing", backing.empty() ? Json(nullptr) : Json(backing))
      .set("uuid", uuid_text(pool.pool_uuid))
      .set("size_bytes", pool.pool_bytes)
      .set("free_bytes", pool.free_bytes)
      .set("pending_bytes", pool.pending_bytes)
      .set("snapshots", pool.snapshots)
      .set("generation", pool.generation)
      .set("role", guests.known ? Json(role) : nullptr)
      .set("guest_uuid", guests.here ? Json(uuid_text(pool.guest_uuid)) : nullptr)
      .set("kept_snapshots", guests.known ? Json(pool.kept) : nullptr)
      .set("guests", guests_json(guests));
}

std::string status_text(const Kernel& kernel, const rmfork_query& pool, const Guests& guests) {
  const std::string backing = text_of(pool.backing);
  std::vector<LabelledValue> lines = {{"transport", kernel.name()},
                                      {"backing", backing.empty() ? "unknown" : printable(backing)},
                                      {"uuid", uuid_text(pool.pool_uuid)},
                                      {"size", size_text(pool.pool_bytes)},
                                      {"free", size_text(pool.free_bytes)},
                                      {"pending", size_text(pool.pending_bytes)},
                                      {"snapshots", std::to_string(pool.snapshots)},
                                      {"generation", std::to_string(pool.generation)}};
  if (guests.here) lines.push_back({"guest here", uuid_text(pool.guest_uuid)});
  if (pool.kept != 0)
    lines.push_back({"kept", counted(pool.kept, "freed snapshot") + " that guests use"});
  for (const rmfork_guest& guest : guests.all)
    lines.push_back(
        {"guest", rmfork::format("{} {}, uses {}", uuid_text(guest.uuid),
                                 printable(text_of(guest.name)), counted(guest.pins, "snapshot"))});
  return labelled(lines);
}

}  // namespace

int show_status(const Environment& env, const Request& request) {
  Kernel kernel = open_kernel(env, request, 0, "tell about its pool");
  const rmfork_query pool = kernel.query();
  const Guests guests = ask_guests(kernel, pool);
  if (request.json)
    print_json(env, status_json(kernel, pool, guests));
  else
    env.out << status_text(kernel, pool, guests);
  return kOk;
}

int forget_guest(const Environment& env, const Request& request) {
  Kernel kernel = open_kernel(env, request, RMFORK_FEAT_GUESTS, "forget guests");
  try {
    kernel.forget(request.guest);
  } catch (const Error& e) {
    if (e.err() != ENOENT) throw;
    throw Error(rmfork::format("no guest has the uuid {} (rmforkctl status shows those there are)",
                               uuid_text(request.guest)));
  }
  if (request.json)
    print_json(env, Json::object().set("forgotten", uuid_text(request.guest)));
  else
    env.out << uuid_text(request.guest) << "  forgotten\n";
  return kOk;
}

}  // namespace rmfork::ctl
