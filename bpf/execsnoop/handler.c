// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Process starts and ends with their ancestors, and what runs most: see README.md beside this file.
 */
#include "handler.h"
#include "event.h"

/* Processes whose ancestors are known, and commands that are counted. */
#define PROCESSES_MAX 2048
#define COMMANDS_MAX 256
/* The deepest tree that is told. */
#define ANCESTORS_MAX 32

/* Exit codes of shells for a command that was found but can't run, and for one that was not found.
 */
#define EXIT_NOT_RUN 126
#define EXIT_NOT_FOUND 127

struct comm {
	char text[16];
};

struct process {
	__u32 ppid;
	struct comm comm;
};

/* Since the summary before. */
struct command {
	__u32 execs;
	__u32 exits;
	__u32 failures;
	__u32 signals;
	__u64 duration_ns;
	__u32 duration_us[40];
};

TABLE(processes, __u32, struct process, PROCESSES_MAX);
TABLE(commands, struct comm, struct command, COMMANDS_MAX);

struct seen {
	struct processes processes;
	struct commands commands;
	__u64 summary_ns;
	__u32 execs;
	__u32 exits;
};

HANDLER(1);
HANDLER_STATE(struct seen);

COUNTER(execs, "execsnoop_execs_total");
COUNTER(succeeded, "execsnoop_exits_total", "success");
COUNTER(failed, "execsnoop_exits_total", "failure");
COUNTER(not_run, "execsnoop_exits_total", "not_run");
COUNTER(killed, "execsnoop_exits_total", "signal");
/* Of commands beyond the series that payload.toml allows. */
HISTOGRAM(other_duration, "execsnoop_duration_seconds", "other");
static struct entry_series durations[COMMANDS_MAX];

static struct {
	bool tell_each;
	__u32 ancestors;
	__u32 summary_s;
	__u32 top;
} settings;

const char *on_start(void)
{
	settings.tell_each = config_bool("tell_each", true);
	settings.ancestors = config_u64("ancestors", 0, ANCESTORS_MAX, 8);
	settings.summary_s = config_u64("summary_s", 0, 3600, 10);
	settings.top = config_u64("top", 1, TOP_MAX, 10);
	/* Before commands take all the series. */
	series_open(&other_duration, "execsnoop_duration_seconds", "other");
	return NULL;
}

static struct command *command_of(const struct event *event)
{
	struct comm comm;

	text_key(comm.text, sizeof(comm.text), event->comm);
	return commands_get(&state.commands, &comm);
}

/*
 * What is known of a process. The node is asked about those that started before this payload did,
 * and where the name is not the one that a record says: then the number may be another process's
 * now.
 */
static bool find_process(__u32 pid, const struct comm *name, struct process *process)
{
	const struct process *known = processes_find(&state.processes, &pid);
	struct host_process asked;

	if (known)
		*process = *known;
	if (known && (!name || !memcmp(name, &known->comm, sizeof(*name))))
		return true;
	if (!process_of(pid, &asked))
		return known != NULL;
	process->ppid = asked.parent;
	text_copy(process->comm.text, sizeof(process->comm.text), asked.command.at,
		  asked.command.length);
	*processes_get(&state.processes, &pid) = *process;
	return true;
}

static void tell_ancestor(__u32 pid, const struct comm *comm)
{
	json_object(NULL);
	json_u64("pid", pid);
	json_text("comm", comm->text, sizeof(comm->text));
	json_close();
}

/* From the parent up, as far as they are known. */
static void tell_ancestors(const struct event *event)
{
	struct process process = {};
	struct comm comm;
	__u32 pid = event->ppid;

	text_key(comm.text, sizeof(comm.text), event->parent_comm);
	json_array("ancestors");
	for (__u32 told = 0; pid && told < settings.ancestors; told++) {
		bool is_known = find_process(pid, told ? NULL : &comm, &process);

		/* The record's word about the parent is newer than any other. */
		if (!told)
			tell_ancestor(pid, &comm);
		else if (is_known)
			tell_ancestor(pid, &process.comm);
		if (!is_known || process.ppid == pid)
			break;
		pid = process.ppid;
	}
	json_close();
}

/* The fields that starts and ends have in common, named as in the record. */
static void begin(const struct event *event, const char *kind)
{
	json_begin();
	json_str("kind", kind);
	json_u64("pid", event->pid);
	json_u64("ppid", event->ppid);
	json_u64("uid", event->uid);
	json_u64("gid", event->gid);
	json_u64("cgroup_id", event->cgroup_id);
	json_text("comm", event->comm, sizeof(event->comm));
	json_text("parent_comm", event->parent_comm, sizeof(event->parent_comm));
}

static void handle_exec(const struct event *event)
{
	struct process *process = processes_get(&state.processes, &event->pid);

	process->ppid = event->ppid;
	text_key(process->comm.text, sizeof(process->comm.text), event->comm);
	command_of(event)->execs++;
	state.execs++;
	counter_add(&execs, 1);
	if (!settings.tell_each)
		return;
	begin(event, "EXEC");
	json_text("filename", event->filename, sizeof(event->filename));
	json_text("args", event->args, sizeof(event->args));
	tell_ancestors(event);
	emit("exec");
}

/* The series of a command's durations; that of all others where there are too many. */
static struct series *duration_of(const struct event *event, const struct command *command)
{
	struct series *series = commands_series(&state.commands, command, durations);
	char label[3 * sizeof(event->comm) + 1];

	if (series_is_open(series))
		return series;
	text_copy(label, sizeof(label), event->comm, sizeof(event->comm));
	if (series_open(series, "execsnoop_duration_seconds", label) == HOST_FULL)
		*series = other_duration;
	return series;
}

static const char *result_of(const struct event *event, struct command *command)
{
	if (event->exit_signal) {
		command->signals++;
		counter_add(&killed, 1);
		return "signal";
	}
	if (!event->exit_code) {
		counter_add(&succeeded, 1);
		return "success";
	}
	command->failures++;
	if (event->exit_code == EXIT_NOT_RUN || event->exit_code == EXIT_NOT_FOUND) {
		counter_add(&not_run, 1);
		return "not_run";
	}
	counter_add(&failed, 1);
	return "failure";
}

static void handle_exit(const struct event *event)
{
	struct command *command = command_of(event);
	const char *result = result_of(event, command);

	processes_remove(&state.processes, &event->pid);
	command->exits++;
	command->duration_ns += event->duration_ns;
	hist_add(command->duration_us, event->duration_ns / NS_PER_US);
	state.exits++;
	histogram_observe(duration_of(event, command), (double)event->duration_ns / NS_PER_S);
	if (!settings.tell_each)
		return;
	begin(event, "EXIT");
	json_str("result", result);
	json_u64("exit_code", event->exit_code);
	json_u64("exit_signal", event->exit_signal);
	json_u64("duration_ns", event->duration_ns);
	json_u64("forks", event->forks);
	json_u64("rss_peak_pages", event->rss_peak_pages);
	emit("exit");
}

static void handle(const struct event *event)
{
	if (event->kind == EXEC)
		handle_exec(event);
	else
		handle_exit(event);
}

HANDLE_EVENTS(events, struct event, handle);

static void tell_command(const struct commands_entry *entry)
{
	const struct command *command = &entry->value;

	json_object(NULL);
	json_text("comm", entry->key.text, sizeof(entry->key.text));
	json_u64("execs", command->execs);
	json_u64("exits", command->exits);
	json_u64("failures", command->failures);
	json_u64("signals", command->signals);
	json_u64("duration_ns", command->duration_ns);
	json_u64("duration_p50_us", hist_quantile(command->duration_us, 500));
	json_u64("duration_p99_us", hist_quantile(command->duration_us, 990));
	json_hist("duration_us", command->duration_us);
	json_close();
}

/* What ran most since the summary before. */
void on_tick(__u64 now_ns)
{
	__u64 passed_ns = every(&state.summary_ns, now_ns, settings.summary_s);
	struct top top = {.room = settings.top};
	struct commands_entry *entry;

	if (!passed_ns)
		return;
	FOR_EACH_ENTRY(entry, &state.commands)
		if (entry->value.execs || entry->value.exits)
			top_offer(&top, entry->value.execs, entry);
	json_begin();
	json_double("seconds", (double)passed_ns / NS_PER_S);
	json_u64("execs", state.execs);
	json_u64("exits", state.exits);
	json_array("commands");
	for (__u32 at = 0; at < top.count; at++)
		tell_command(top.best[at].entry);
	json_close();
	emit("summary");
	state.execs = state.exits = 0;
	FOR_EACH_ENTRY(entry, &state.commands)
		entry->value = (struct command){};
}
