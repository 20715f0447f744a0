// SPDX-License-Identifier: GPL-2.0-only
#include <iostream>
#include <string>
#include <vector>

#include "rmfork/tools/ctl.h"

int main(int argc, char** argv) {
  return rmfork::ctl::run(std::vector<std::string>(argv + (argc > 0), argv + argc),
                          {std::cout, std::cerr, {}});
}
