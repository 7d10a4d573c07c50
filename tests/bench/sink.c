/*
 * The end of the pipe in `bench events`.
 * usage: sink LINES FIFO; first it reads until lines have come and then none for a fifth of a
 * second, and prints "idle". The next line on standard input names the process that fills the pipe
 * and has been stopped: it is woken, LINES lines are counted, and the nanoseconds printed that they
 * took.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define IDLE_MS 200
#define PATIENCE_MS 20000

static int pipe_end;
static char buffer[1 << 16];

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Lines in what was read; -1 at the end or when nothing comes for that long. */
static long lines_read(int patience_ms)
{
	struct pollfd input = {.fd = pipe_end, .events = POLLIN};
	char *at = buffer, *end;
	long lines = 0, size;

	if (poll(&input, 1, patience_ms) <= 0)
		return -1;
	size = read(pipe_end, buffer, sizeof(buffer));
	if (size <= 0)
		return -1;
	end = buffer + size;
	while ((at = memchr(at, '\n', end - at))) {
		lines++;
		at++;
	}
	return lines;
}

int main(int count, char **words)
{
	long left, lines;
	long long since;
	char process[32];

	if (count != 3)
		return 2;
	left = atol(words[1]);
	pipe_end = open(words[2], O_RDONLY);
	if (pipe_end < 0 || lines_read(PATIENCE_MS) < 0)
		return 1;
	while (lines_read(IDLE_MS) >= 0)
		;
	puts("idle");
	fflush(stdout);
	if (!fgets(process, sizeof(process), stdin))
		return 1;
	since = now_ns();
	kill(atoi(process), SIGCONT);
	while (left > 0) {
		lines = lines_read(PATIENCE_MS);
		if (lines < 0)
			return 1;
		left -= lines;
	}
	printf("%lld\n", now_ns() - since);
	return 0;
}
