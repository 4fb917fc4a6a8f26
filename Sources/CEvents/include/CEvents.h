#pragma once
// The event layouts of bpf/include/events.h, the only definition.
#include "../../../bpf/include/events.h"
