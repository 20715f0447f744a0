// SPDX-License-Identifier: GPL-2.0-only
// All of fmt, compiled once: Debian has it only as a shared library, and a small dump would wait
// for that to be loaded.
#include <fmt/format-inl.h>

// The templates that its header declares as made elsewhere (FMT_HEADER_ONLY is not defined).
template fmt::detail::thousands_sep_result<char> fmt::detail::thousands_sep_impl(
    fmt::detail::locale_ref);
template char fmt::detail::decimal_point_impl(fmt::detail::locale_ref);
template void fmt::detail::buffer<char>::append(const char*, const char*);
