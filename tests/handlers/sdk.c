// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A handler that does what each event tells it to do, and puts out what came of it: all that
 * handler.h has is used here. Compiled, and run in both lanes, by the tests of the SDK.
 */
#include "handler.h"
#include "step.h"

#define ENTRIES 5

TABLE(numbers, __u32, __u64, ENTRIES);

struct kept {
	struct numbers numbers;
	__u64 steps;
	__u64 spans;
	__u32 hist[8];
};

HANDLER(3, 1, 2);
HANDLER_STATE(struct kept);

COUNTER(steps_all, "sdk_steps_total");
COUNTER(steps_odd, "sdk_values_total", "odd", "\xc3\xa4");
GAUGE(last_value, "sdk_last_value");
HISTOGRAM(values, "sdk_values");
COUNTER(not_declared, "sdk_not_declared");
static struct series by_text[1];
static struct series without_name;

MAP(counts);
/* Not declared, so that it is asked for in a call. */
static struct map not_granted = {.name = "not_granted"};

const char *on_start(void)
{
	char text[8];

	if (!config_text("start", text, sizeof(text)) || !strcmp(text, "yes"))
		return NULL;
	return "the setting says no";
}

/* Schema 1 was the number of steps alone; schema 2 is refused although it is accepted. */
const char *on_older_state(__u32 schema, const void *bytes, __u32 length)
{
	if (schema != 1 || length != sizeof(state.steps))
		return "only schema 1 is understood";
	memcpy(&state.steps, bytes, length);
	return NULL;
}

static void tell_entry(const __u64 *value)
{
	json_bool("is_there", value != NULL);
	if (!value)
		return;
	json_u64("value", *value);
	json_u64("index", numbers_index(&state.numbers, value));
}

static void use_table(const struct step *step)
{
	struct numbers_entry *entry;
	__u64 *value;

	json_begin();
	if (step->what == GET) {
		value = numbers_get(&state.numbers, &step->key);
		tell_entry(value);
		*value = step->value;
	} else if (step->what == FIND) {
		tell_entry(numbers_find(&state.numbers, &step->key));
	} else if (step->what == REMOVE) {
		numbers_remove(&state.numbers, &step->key);
	}
	json_array("keys");
	FOR_EACH_ENTRY(entry, &state.numbers)
		json_u64(NULL, entry->key);
	json_close();
	json_u64("count", state.numbers.table.count);
	emit("table");
}

static void use_text(const struct step *step)
{
	char copy[12], form[160];
	struct text cut = TEXT_IN(copy);

	json_begin();
	if (step->what == TEXT) {
		json_text("text", step->text, sizeof(step->text));
		text_copy(copy, sizeof(copy), step->text, sizeof(step->text));
		json_str("copy", copy);
		text_form(form, sizeof(form), "%.*s|%s|%c|%%", 3, step->text, "s", step->text[0]);
		json_str("form", form);
	} else if (step->what == NUMBER) {
		json_u64("u64", step->value);
		json_s64("s64", (__s64)step->value);
		json_double("double", (double)(__s64)step->value / 1000);
		text_form(form, sizeof(form), "%d %u %x %lld %llu %llx %ld", (int)step->value,
			  (__u32)step->value, (__u32)step->value, (__s64)step->value, step->value,
			  step->value, (long)step->value);
		json_str("form", form);
		text_u64(&cut, step->value);
		json_bool("is_cut", cut.is_cut);
	} else {
		json_address("address", (const __u8 *)step->text);
	}
	emit("text");
}

static void use_map(const struct step *step)
{
	struct host_bytes entries;
	enum host_outcome outcome = HOST_DONE;
	__u64 value = 0;

	json_begin();
	if (step->what == LOOKUP)
		outcome = map_lookup(&counts, &step->key, &value);
	else if (step->what == UPDATE)
		outcome = map_update(&counts, &step->key, &step->value);
	else if (step->what == DELETE)
		outcome = map_delete(&counts, &step->key);
	else if (step->value)
		outcome = map_scan(&counts, &step->key, sizeof(step->key), 2, &entries);
	else
		outcome = map_scan(&counts, NULL, sizeof(step->key), 2, &entries);
	json_u64("outcome", outcome);
	json_u64("value", value);
	if (step->what == SCAN) {
		json_array("entries");
		for (__u32 at = 0; at < entries.length; at += sizeof(__u32) + sizeof(__u64))
			json_u64(NULL, *(const __u32 *)(entries.at + at));
		json_close();
	}
	json_u64("not_granted", map_lookup(&not_granted, &step->key, &value));
	emit("map");
}

static void use_metrics(const struct step *step)
{
	if (step->what == OBSERVE) {
		histogram_observe(&values, (double)step->value / 2);
		gauge_set(&last_value, (double)step->value);
		return;
	}
	counter_add(&steps_odd, step->value);
	counter_add(&not_declared, 1);
	counter_add(&without_name, 1);
	if (!series_is_open(&by_text[0]))
		series_open(&by_text[0], "sdk_values_total", "text", step->text);
	counter_add(&by_text[0], step->key);
}

static void ask(const struct step *step)
{
	struct host_process process;
	struct host_fields fields;
	char text[32];

	json_begin();
	if (step->what == SETTING) {
		json_bool("is_there", config_text(step->text, text, sizeof(text)));
		json_str("text", text);
		json_u64("number", config_u64(step->text, 2, 100, 7));
		json_bool("truth", config_bool(step->text, true));
	} else if (step->what == PROCESS && process_of(step->key, &process)) {
		json_u64("parent", process.parent);
		json_u64("user", process.user);
		json_u64("started", process.started);
		json_text("command", process.command.at, process.command.length);
		json_u64("arguments_bytes", process.arguments.length);
		json_text("cgroup", process.cgroup.at, process.cgroup.length);
	} else if (step->what == LAYOUT) {
		fields = layout_of(step->key);
		json_array("fields");
		for (__u32 i = 0; i < fields.length; i++) {
			json_object(NULL);
			json_text("name", fields.at[i].name.at, fields.at[i].name.length);
			json_u64("offset_bits", fields.at[i].offset_bits);
			json_u64("size_bits", fields.at[i].size_bits);
			json_close();
		}
		json_close();
	} else if (step->what == CLOCKS) {
		json_u64("mono", now_mono());
		json_u64("wall", now_wall());
	}
	emit("answer");
}

static void go_to_bounds(const struct step *step)
{
	enum host_outcome outcome;
	char text[64];

	json_begin();
	if (step->what == LONG)
		for (__u64 at = 0; at < step->value; at++)
			json_text(step->text, step->text, 1);
	if (step->what == DEEP)
		for (__u64 at = 0; at < step->value; at++)
			json_object("deep");
	for (__u64 at = 0; step->what == SPEND && at < step->value; at++)
		config_text(step->text, text, sizeof(text));
	outcome = emit("bounds");
	json_begin();
	json_u64("outcome", outcome);
	json_u64("arena_bytes", arena.end - arena.floor);
	emit("bounds");
}

static void do_step(const struct step *step)
{
	state.steps++;
	counter_add(&steps_all, 1);
	switch (step->what) {
	case GET:
	case FIND:
	case REMOVE:
	case LIST:
		return use_table(step);
	case TEXT:
	case NUMBER:
	case ADDRESS:
		return use_text(step);
	case LOOKUP:
	case UPDATE:
	case DELETE:
	case SCAN:
		return use_map(step);
	case COUNT:
	case OBSERVE:
		return use_metrics(step);
	case SETTING:
	case PROCESS:
	case LAYOUT:
	case CLOCKS:
		return ask(step);
	case LOG:
		log_line(step->key, "%s: %llu", step->text, step->value);
		return;
	case HIST:
		hist_add(state.hist, step->value);
		json_begin();
		json_hist("hist", state.hist);
		json_u64("half", hist_quantile(state.hist, 500));
		json_u64("most", hist_quantile(state.hist, 990));
		emit("hist");
		return;
	case LONG:
	case DEEP:
	case SPEND:
		return go_to_bounds(step);
	case TRAP:
		__builtin_trap();
	}
}

HANDLE_EVENTS(steps, struct step, do_step);

/* Tells how many records a span had, and what they add up to. */
static void add_up(struct walk *walk)
{
	const struct number *number;
	__u64 sum = 0, records = 0;

	FOR_EACH_EVENT(number, walk) {
		sum += number->number;
		records++;
	}
	state.spans++;
	json_begin();
	json_u64("sum", sum);
	json_u64("records", records);
	json_u64("short", walk->short_records);
	emit("span");
}

HANDLE_SPANS(spans, struct number, add_up);

void on_tick(__u64 now_ns)
{
	json_begin();
	json_u64("now_ns", now_ns);
	json_u64("steps", state.steps);
	json_u64("spans", state.spans);
	emit("tick");
}

void on_shutdown(enum shutdown_reason reason)
{
	log_line(LOG_DEBUG, "shut down for reason %d", reason);
}
