// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that are opened and those that could not be, counted by where: see README.md beside this.
 */
#include "handler.h"
#include "event.h"

/* Prefixes and commands that are counted. */
#define PREFIXES_MAX 256
#define COMMANDS_MAX 256
#define PREFIX_BYTES_MAX 64
/* Errors that have a name here; the others are counted together. */
#define ERRORS_MAX 16

/* As Linux has them on every architecture that objects are for. */
#define O_ACCMODE 3u
#define O_CREAT 0100u

struct comm {
	char text[16];
};

/* Of a path: so many of its folders, or all that fits. */
struct prefix {
	char text[PREFIX_BYTES_MAX];
};

struct folder {
	/* Since the summary before. */
	__u32 errors;
	/* The one that came last. */
	__u32 error;
};

struct command {
	__u32 opens;
	__u32 errors;
	__u32 duration_us[24];
};

TABLE(folders, struct prefix, struct folder, PREFIXES_MAX);
TABLE(commands, struct comm, struct command, COMMANDS_MAX);

struct seen {
	struct folders folders;
	struct commands commands;
	__u64 summary_ns;
	__u64 opens;
	__u64 errors;
};

HANDLER(1);
HANDLER_STATE(struct seen);

COUNTER(opens, "opensnoop_opens_total");

struct error {
	__u32 number;
	const char *name;
};

static const struct error errors[ERRORS_MAX] = {
	{1, "EPERM"},	 {2, "ENOENT"},	  {4, "EINTR"},	  {6, "ENXIO"},
	{11, "EAGAIN"},	 {13, "EACCES"},  {16, "EBUSY"},  {17, "EEXIST"},
	{20, "ENOTDIR"}, {21, "EISDIR"},  {22, "EINVAL"}, {23, "ENFILE"},
	{24, "EMFILE"},	 {26, "ETXTBSY"}, {30, "EROFS"},  {40, "ELOOP"},
};
/* One an error, and one for all others. */
static struct series by_error[ERRORS_MAX + 1];

static struct {
	bool tell_opens;
	bool tell_errors;
	__u32 depth;
	__u32 summary_s;
	__u32 top;
} settings;

const char *on_start(void)
{
	settings.tell_opens = config_bool("tell_opens", true);
	settings.tell_errors = config_bool("tell_errors", true);
	settings.depth = config_u64("depth", 1, 16, 2);
	settings.summary_s = config_u64("summary_s", 0, 3600, 10);
	settings.top = config_u64("top", 1, TOP_MAX, 10);
	return NULL;
}

/* The place of an error among those that have a name, or behind them. */
static __u32 error_at(__u32 number)
{
	__u32 at = 0;

	while (at < ERRORS_MAX && errors[at].number != number)
		at++;
	return at;
}

static const char *error_name(__u32 number)
{
	__u32 at = error_at(number);

	return at < ERRORS_MAX ? errors[at].name : "other";
}

/*
 * The folders that a path goes through, as many as the setting says: of /usr/lib/x/y it is /usr/lib
 * for 2. The last part is none, it is the file. Paths without a slash at the front begin somewhere
 * that the record does not say.
 */
static void prefix_of(const char *path, struct prefix *prefix)
{
	__u32 length = text_length(path, FILENAME_MAX), folders = 0, end = 0;

	*prefix = (struct prefix){};
	if (!length || path[0] != '/') {
		prefix->text[0] = '.';
		return;
	}
	for (__u32 at = 1; at < length && folders < settings.depth; at++) {
		if (path[at] != '/' || path[at - 1] == '/')
			continue;
		folders++;
		end = at;
	}
	if (!end)
		end = 1;
	if (end > PREFIX_BYTES_MAX)
		end = PREFIX_BYTES_MAX;
	memcpy(prefix->text, path, end);
}

static void tell(const struct event *event, const char *stream)
{
	json_begin();
	json_u64("pid", event->pid);
	json_u64("tid", event->tid);
	json_u64("uid", event->uid);
	json_text("comm", event->comm, sizeof(event->comm));
	json_text("filename", event->filename, sizeof(event->filename));
	json_s64("ret", event->ret);
	if (event->ret < 0)
		json_str("error", error_name(-(__u32)event->ret));
	json_u64("flags", event->flags);
	json_bool("writes", event->flags & O_ACCMODE);
	json_bool("creates", event->flags & O_CREAT);
	json_u64("mode", event->mode);
	json_u64("duration_ns", event->duration_ns);
	emit(stream);
}

static void count_error(const struct event *event)
{
	__u32 number = -(__u32)event->ret, at = error_at(number);
	struct prefix prefix;
	struct folder *folder;

	prefix_of(event->filename, &prefix);
	folder = folders_get(&state.folders, &prefix);
	folder->errors++;
	folder->error = number;
	state.errors++;
	if (!series_is_open(&by_error[at]))
		series_open(&by_error[at], "opensnoop_errors_total", error_name(number));
	counter_add(&by_error[at], 1);
}

static void handle(const struct event *event)
{
	struct command *command;
	struct comm comm;

	text_key(comm.text, sizeof(comm.text), event->comm);
	command = commands_get(&state.commands, &comm);
	command->opens++;
	hist_add(command->duration_us, event->duration_ns / NS_PER_US);
	if (event->ret < 0) {
		command->errors++;
		count_error(event);
	}
	if (event->ret < 0 ? settings.tell_errors : settings.tell_opens)
		tell(event, event->ret < 0 ? "error" : "open");
}

/* The counter is told once a span: calls that open files come by the hundred thousand. */
static void handle_span(struct walk *span)
{
	struct walk walk = *span;
	const struct event *event;
	__u64 count = 0;

	FOR_EACH_EVENT(event, &walk) {
		handle(event);
		count++;
	}
	*span = walk;
	state.opens += count;
	counter_add(&opens, count);
}

HANDLE_SPANS(events, struct event, handle_span);

static void tell_commands(double seconds)
{
	struct top top = {.room = settings.top};
	struct commands_entry *entry;

	FOR_EACH_ENTRY(entry, &state.commands)
		if (entry->value.opens)
			top_offer(&top, entry->value.opens, entry);
	json_array("commands");
	for (__u32 at = 0; at < top.count; at++) {
		const struct commands_entry *one = top.best[at].entry;

		json_object(NULL);
		json_text("comm", one->key.text, sizeof(one->key.text));
		json_u64("opens", one->value.opens);
		json_double("opens_per_s", one->value.opens / seconds);
		json_u64("errors", one->value.errors);
		json_double("errors_per_s", one->value.errors / seconds);
		json_u64("duration_p50_us", hist_quantile(one->value.duration_us, 500));
		json_u64("duration_p99_us", hist_quantile(one->value.duration_us, 990));
		json_close();
	}
	json_close();
	FOR_EACH_ENTRY(entry, &state.commands)
		entry->value = (struct command){};
}

static void tell_folders(double seconds)
{
	struct top top = {.room = settings.top};
	struct folders_entry *entry;

	FOR_EACH_ENTRY(entry, &state.folders)
		if (entry->value.errors)
			top_offer(&top, entry->value.errors, entry);
	json_array("prefixes");
	for (__u32 at = 0; at < top.count; at++) {
		const struct folders_entry *one = top.best[at].entry;

		json_object(NULL);
		json_text("prefix", one->key.text, sizeof(one->key.text));
		json_u64("errors", one->value.errors);
		json_double("errors_per_s", one->value.errors / seconds);
		json_str("error", error_name(one->value.error));
		json_close();
	}
	json_close();
	FOR_EACH_ENTRY(entry, &state.folders)
		entry->value = (struct folder){};
}

/* What was opened most since the summary before, and where it failed most. */
void on_tick(__u64 now_ns)
{
	__u64 passed_ns = every(&state.summary_ns, now_ns, settings.summary_s);
	double seconds = (double)passed_ns / NS_PER_S;

	if (!passed_ns)
		return;
	json_begin();
	json_double("seconds", seconds);
	json_u64("opens", state.opens);
	json_u64("errors", state.errors);
	json_double("opens_per_s", state.opens / seconds);
	json_double("errors_per_s", state.errors / seconds);
	tell_commands(seconds);
	tell_folders(seconds);
	emit("summary");
	state.opens = state.errors = 0;
}
