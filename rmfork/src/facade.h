// SPDX-License-Identifier: GPL-2.0-only
//
// What the C facade lets its tests replace.
#ifndef RMFORK_SRC_FACADE_H
#define RMFORK_SRC_FACADE_H

#include <functional>
#include <memory>

#include "rmfork/transport.h"

namespace rmfork::facade {

using TransportOpener = std::function<std::unique_ptr<Transport>(TransportChoice)>;

// Forgets everything set and dumped so far, and opens transports by `opener` from now on; an empty
// one: open_transport().
void reset(TransportOpener opener);

}  // namespace rmfork::facade

#endif  // RMFORK_SRC_FACADE_H
