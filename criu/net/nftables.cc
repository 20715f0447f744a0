// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/nftables.h"

#include <dlfcn.h>
#include <nftables/libnftables.h>

#include "criu/base/error.h"

namespace criu::net {

namespace {

// The functions of the library that are needed.
class Library {
 public:
  Library() : handle_(dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr)
      fail("libnftables, which locks connections, cannot be loaded ({}): see --network-lock",
           dlerror());
    find(make, "nft_ctx_new");
    find(free, "nft_ctx_free");
    find(buffer_output, "nft_ctx_buffer_output");
    find(buffer_error, "nft_ctx_buffer_error");
    find(error, "nft_ctx_get_error_buffer");
    find(run, "nft_run_cmd_from_buffer");
  }

  decltype(&nft_ctx_new) make = nullptr;
  decltype(&nft_ctx_free) free = nullptr;
  decltype(&nft_ctx_buffer_output) buffer_output = nullptr;
  decltype(&nft_ctx_buffer_error) buffer_error = nullptr;
  decltype(&nft_ctx_get_error_buffer) error = nullptr;
  decltype(&nft_run_cmd_from_buffer) run = nullptr;

 private:
  template <typename F>
  void find(F& function, const char* name) {
    function = reinterpret_cast<F>(dlsym(handle_, name));
    if (function == nullptr) fail("libnftables has no {}", name);
  }

  void* handle_;  // stays: it may be needed again
};

}  // namespace

void Nftables::run(const std::string& commands) {
  static const Library library;
  if (!context_) context_ = {library.make(NFT_CTX_DEFAULT), library.free};
  if (!context_) fail("libnftables does not start");
  library.buffer_output(context_.get());
  library.buffer_error(context_.get());
  if (library.run(context_.get(), commands.c_str()) == 0) return;
  const std::string said(library.error(context_.get()));
  fail("nf_tables: {}", said.substr(0, said.find('\n')));
}

bool Nftables::has_table(const std::string& name) {
  try {
    run("list table " + name);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace criu::net
