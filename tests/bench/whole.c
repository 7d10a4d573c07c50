/*
 * The load of whole updates in `bench swap`, and the account of what the node put out of it.
 * usage: whole FIFO; a line on standard input lets the threads begin, its end ends them. Then the
 * lines that are on the way are read to the last, and one JSON object is printed.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "fire.h"

#define POLL_MS 20
#define PIPE_BYTES (1 << 20)

static char buffer[1 << 20];
static size_t held_bytes;
static unsigned long long malformed;
/* Reports that the calls must have caused; known when the threads have ended. */
static atomic_ullong expected;
static atomic_bool ended;
static long long fired_ns;

static void *obey(void *unused)
{
	char line[16];
	long long since;

	(void)unused;
	if (!fgets(line, sizeof(line), stdin))
		exit(2);
	since = now_ns();
	fire_all();
	while (fgets(line, sizeof(line), stdin))
		;
	expected = cease();
	fired_ns = now_ns() - since;
	ended = true;
	return NULL;
}

/* The next number behind *at. */
static unsigned long long number(const char **at, const char *end)
{
	unsigned long long found = 0;

	while (*at < end && !isdigit(**at))
		(*at)++;
	while (*at < end && isdigit(**at))
		found = found * 10 + (*(*at)++ - '0');
	return found;
}

/* A line ends with {"call":1,"thread":2,"hook":3}}: the fields of struct event. */
static void take(const char *line, const char *end)
{
	static const char call[] = "{\"call\":";
	const char *at = memrchr(line, '{', end - line);
	struct event event;

	if (!at || end - at < (long)sizeof(call) || memcmp(at, call, sizeof(call) - 1)) {
		malformed++;
		return;
	}
	event.call = number(&at, end);
	event.thread = number(&at, end);
	event.hook = number(&at, end);
	/* The node reads one ring after the other: it is as one. */
	if (!account(0, &event))
		malformed++;
}

/* Reads what is there, takes whole lines; false when nothing comes. */
static bool pass(int fifo)
{
	struct pollfd input = {.fd = fifo, .events = POLLIN};
	const char *line = buffer, *end, *stop;
	ssize_t size;

	if (poll(&input, 1, POLL_MS) <= 0)
		return false;
	size = read(fifo, buffer + held_bytes, sizeof(buffer) - held_bytes);
	if (size <= 0)
		return false;
	stop = buffer + held_bytes + size;
	while ((end = memchr(line, '\n', stop - line))) {
		take(line, end);
		line = end + 1;
	}
	held_bytes = stop - line;
	memmove(buffer, line, held_bytes);
	return true;
}

int main(int count, char **words)
{
	pthread_t commands;
	int fifo, silent_ms = 0;

	if (count != 2)
		return 2;
	fifo = open(words[1], O_RDONLY);
	if (fifo < 0)
		fail(words[1]);
	/* A pipe as it is would do, with more changes between node and reader. */
	fcntl(fifo, F_SETPIPE_SZ, PIPE_BYTES);
	if (pthread_create(&commands, NULL, obey, NULL))
		fail("pthread_create");
	while (!ended || (first_events < expected && silent_ms < SILENCE_MS))
		silent_ms = pass(fifo) ? 0 : silent_ms + POLL_MS;
	/* Once more than the last: what is put out twice comes behind it. */
	while (pass(fifo))
		;
	pthread_join(commands, NULL);
	printf("{\"events\":%llu,\"lost\":%llu,\"duplicated\":%llu,\"reordered\":%llu,"
	       "\"malformed\":%llu,\"took_ns\":%lld}\n",
	       expected, expected - first_events, events - first_events, reordered, malformed,
	       fired_ns);
	return 0;
}
