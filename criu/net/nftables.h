// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <memory>
#include <string>

struct nft_ctx;

namespace criu::net {

// nf_tables, by libnftables, which is looked for only when it is needed: few dumps need it.
//
// The kernel takes away in the background what a transaction has deleted, and whoever closes a
// connection to it before waits for that: keep this for as long as there is something else to do.
class Nftables {
 public:
  // Runs commands of nft(8) in one transaction. Throws Error with what it says.
  void run(const std::string& commands);
  // name: with its family before it. False also where that cannot be found out.
  bool has_table(const std::string& name);

 private:
  std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> context_{nullptr, nullptr};
};

}  // namespace criu::net
