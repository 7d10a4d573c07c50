/* A handler in the core lane, as little as has every export, an import of each shape, and state. */
#include <stdint.h>

#define IMPORT(name) __attribute__((import_module("marrow:handler/host@1.0.0"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))
#define PAGE_BYTES 65536u

__asm__(".section \".custom_section.handler-abi\",\"\",@\n"
	".ascii \"world=1.0.0;sdk=c/1;schema=2;accepts=1\"\n"
	".text");

IMPORT("log") void host_log(uint32_t level, const char *text, uint32_t bytes);
IMPORT("emit")
void host_emit(const char *stream, uint32_t stream_bytes, const char *event, uint32_t event_bytes,
	       uint8_t *result);
IMPORT("now-mono") uint64_t host_now_mono(void);

extern uint8_t __heap_base;

static uint32_t results[4];
static uint8_t emitted[2];
static uint64_t count;
static uintptr_t top;

EXPORT("cabi_realloc")
void *cabi_realloc(void *old, uint32_t old_bytes, uint32_t align, uint32_t bytes)
{
	uintptr_t begin;

	if (!top)
		top = (uintptr_t)&__heap_base;
	begin = (top + align - 1) & ~(uintptr_t)(align - 1);
	top = begin + bytes;
	while (top > __builtin_wasm_memory_size(0) * PAGE_BYTES)
		if (__builtin_wasm_memory_grow(0, 1) == (uintptr_t)-1)
			__builtin_trap();
	return (void *)begin;
}

EXPORT("ring-window") uint32_t ring_window(uint32_t ring, uint32_t bytes)
{
	uintptr_t page = __builtin_wasm_memory_grow(0, bytes / PAGE_BYTES);

	return page == (uintptr_t)-1 ? 0 : page * PAGE_BYTES;
}

EXPORT("init")
uint32_t *init(void *rings, uint32_t ring_count, uint32_t previous, uint32_t schema,
	       const uint64_t *state, uint32_t state_bytes)
{
	if (previous && state_bytes == sizeof(count))
		count = *state;
	host_log(2, "begins", 6);
	results[0] = 0;
	return results;
}

EXPORT("on-events") uint32_t on_events(uint32_t ring, const uint8_t *records, uint32_t bytes)
{
	count += bytes;
	host_emit("counts", 6, "{}", 2, emitted);
	return bytes;
}

EXPORT("on-tick") void on_tick(uint64_t now)
{
	count += host_now_mono() == now;
}

EXPORT("snapshot") uint32_t *snapshot(void)
{
	results[0] = 2;
	results[1] = (uintptr_t)&count;
	results[2] = sizeof(count);
	return results;
}

EXPORT("shutdown") void shutdown(uint32_t reason)
{
	host_log(2, "ends", 4);
}
