/*
 * Threads that make numbered calls as fast as the machine lets them, and the account of what was
 * reported of each: every call once a hook, in the order in which the thread met its hooks.
 * Part of flips.c and whole.c.
 */
#ifndef FIRE_H
#define FIRE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "swap.h"

#define THREADS 2
#define RINGS 2
/* Calls of a thread; their reports are bits in memory that is touched only where they are set. */
#define CALLS_MAX (1ULL << 31)
#define CALLS_A_TURN 64
/* Calls of a thread whose reports are still on the way: together less than one ring holds. */
#define CALLS_AHEAD_MAX (RING_BYTES / RECORD_BYTES / HOOKS / THREADS / 2)
#define TURN_US 100
/* So long nothing may come until what has not come is lost. */
#define SILENCE_MS 2000

struct thread {
	pthread_t id;
	unsigned long number;
	atomic_ullong calls;
	/* Calls up to the latest one that was reported. */
	atomic_ullong reported;
	unsigned long *seen;
	/* A ring's next report: hooks of one call follow each other. */
	unsigned long long next[RINGS];
};

static struct thread threads[THREADS];
static atomic_bool stopped;
/* Whether threads wait while too many reports are on the way. */
static bool waiting = true;
/* Reports that came, those of them that came for the first time, and those out of order. */
static atomic_ullong events, first_events;
static unsigned long long reordered;

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *fire(void *context)
{
	struct thread *thread = context;
	unsigned long long mark = (unsigned long long)SWAP_MARK << MARK_SHIFT;
	unsigned long long call = 0,
			   base = mark | (unsigned long long)thread->number << THREAD_SHIFT;
	int file = memfd_create("calls", 0);

	if (file < 0)
		fail("memfd_create");
	while (!stopped && call < CALLS_MAX - CALLS_A_TURN) {
		/* What is lost for good, in the baselines, must not hold a thread up. */
		if (waiting && call > thread->reported + CALLS_AHEAD_MAX) {
			usleep(TURN_US);
			continue;
		}
		for (int turn = 0; turn < CALLS_A_TURN; turn++)
			syscall(SYS_lseek, file, base | call++, SEEK_SET);
		thread->calls = call;
	}
	close(file);
	return NULL;
}

static void fire_all(void)
{
	for (unsigned long number = 0; number < THREADS; number++) {
		struct thread *thread = &threads[number];

		thread->number = number;
		thread->seen = mmap(NULL, CALLS_MAX * HOOKS / 8, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (thread->seen == MAP_FAILED)
			fail("mmap");
		if (pthread_create(&thread->id, NULL, fire, thread))
			fail("pthread_create");
	}
}

/* Ends the threads; gives how many reports their calls must have caused. */
static unsigned long long cease(void)
{
	unsigned long long calls = 0;

	stopped = true;
	for (int number = 0; number < THREADS; number++) {
		pthread_join(threads[number].id, NULL);
		calls += threads[number].calls;
	}
	return calls * HOOKS;
}

/* Takes a report into the account; false for one that no thread can have caused. */
static bool account(int ring, const struct event *event)
{
	const unsigned int bits = 8 * sizeof(unsigned long);
	unsigned long long at;
	unsigned long *word, bit;
	struct thread *thread;

	if (event->thread >= THREADS || event->hook >= HOOKS || event->call >= CALLS_MAX)
		return false;
	thread = &threads[event->thread];
	at = event->call * HOOKS + event->hook;
	word = &thread->seen[at / bits];
	bit = 1UL << at % bits;
	events++;
	if (!(*word & bit)) {
		first_events++;
		if (at < thread->next[ring])
			reordered++;
	}
	*word |= bit;
	if (at >= thread->next[ring])
		thread->next[ring] = at + 1;
	if (event->call >= thread->reported)
		thread->reported = event->call + 1;
	return true;
}

#endif
