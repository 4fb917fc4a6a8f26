// Anchors the target: SwiftPM wants one source file in a C target.
#include "CZstd.h"
