// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Metrics that payload.toml declares. A series is asked for when it is first used, by this guest:
 *the numbers of the one before mean nothing, so that no series belongs into the state.
 *
 *	COUNTER(execs, "execsnoop_execs_total");
 *	COUNTER(failures, "execsnoop_exits_total", "failure");		the values of its labels
 *	static struct series durations[COMMANDS_MAX];			labels that come with the
 *events
 *
 *	counter_add(&execs, 1);
 *	if (!series_is_open(&durations[i]))
 *		series_open(&durations[i], "execsnoop_duration_seconds", command);
 *	histogram_observe(&durations[i], seconds);
 *
 * Labels are text that ends with a NUL, in UTF-8: see text_copy(). Included by handler.h.
 */
#ifndef MARROW_HANDLER_METRIC_H
#define MARROW_HANDLER_METRIC_H

#include "handler_text.h"

#define SERIES_LABELS_MAX 8
/* A series that the node refused: what is counted in it is counted nowhere. */
#define SERIES_REFUSED (~0u)

struct series {
	const char *metric;
	const char *const *labels;
	__u32 labels_count;
	/* Its number and one more; 0 while nobody has asked for it. */
	__u32 opened;
};

#define SERIES(variable, name, ...)                                                                \
	static const char *const variable##_labels[] = {NULL, ##__VA_ARGS__};                      \
	static struct series variable = {                                                          \
		.metric = name,                                                                    \
		.labels = variable##_labels + 1,                                                   \
		.labels_count = sizeof(variable##_labels) / sizeof(char *) - 1,                    \
	}
#define COUNTER(variable, name, ...) SERIES(variable, name, ##__VA_ARGS__)
#define GAUGE(variable, name, ...) SERIES(variable, name, ##__VA_ARGS__)
#define HISTOGRAM(variable, name, ...) SERIES(variable, name, ##__VA_ARGS__)

static inline bool series_is_open(const struct series *series)
{
	return series->opened != 0;
}

/* Whether it was got; if not, whatever is counted in it from now on is left out. */
static inline enum host_outcome series_ask(struct series *series, const char *metric,
					   const char *const *labels, __u32 labels_count)
{
	struct host_bytes values[SERIES_LABELS_MAX];
	struct host_number result;
	enum host_outcome outcome = HOST_INVALID;

	if (labels_count <= SERIES_LABELS_MAX) {
		for (__u32 i = 0; i < labels_count; i++)
			values[i] = (struct host_bytes){labels[i], strlen(labels[i])};
		host_series(metric, strlen(metric), values, labels_count, &result);
		outcome = outcome_of(result.is_refused, result.refusal);
	}
	series->opened = outcome ? SERIES_REFUSED : result.value + 1;
	return outcome;
}

/* The series of a metric for these values of its labels. */
#define series_open(series, metric, ...)                                                           \
	series_ask(series, metric, (const char *const[]){__VA_ARGS__},                             \
		   sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* Whether something can be counted in it. */
static inline bool series_is_usable(struct series *series)
{
	if (!series->opened) {
		enum host_outcome outcome = HOST_ABSENT;

		if (series->metric)
			outcome = series_ask(series, series->metric, series->labels,
					     series->labels_count);
		else
			series->opened = SERIES_REFUSED;
		if (outcome)
			log_line(LOG_WARN, "metric %s is not to be had: refusal %d",
				 series->metric ? series->metric : "without a name", outcome);
	}
	return series->opened != SERIES_REFUSED;
}

static inline void counter_add(struct series *series, __u64 value)
{
	if (series_is_usable(series))
		host_add(series->opened - 1, value);
}

static inline void gauge_set(struct series *series, double value)
{
	if (series_is_usable(series))
		host_set(series->opened - 1, value);
}

static inline void histogram_observe(struct series *series, double value)
{
	if (series_is_usable(series))
		host_observe(series->opened - 1, value);
}

#endif
