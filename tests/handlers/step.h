// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the handlers of these tests are told to do, as the object has it. */
#ifndef MARROW_TESTS_STEP_H
#define MARROW_TESTS_STEP_H

/* In Rust: tests/tests/sdk/steps.rs, tests/handlers/sdk/src/lib.rs. */
enum what {
	/* The key takes the value; what was there before is put out. */
	GET = 1,
	FIND,
	REMOVE,
	/* The entries, the one used last first. */
	LIST,
	/* The text in every form. */
	TEXT,
	/* The number in every form. */
	NUMBER,
	/* The first 16 bytes of the text as an address. */
	ADDRESS,
	/* The map `counts`: the value of the key, and all of it. */
	LOOKUP,
	UPDATE,
	DELETE,
	SCAN,
	/* Metrics: by the number, or by the text as the label. */
	COUNT,
	OBSERVE,
	/* The setting of this name. */
	SETTING,
	PROCESS,
	LAYOUT,
	CLOCKS,
	LOG,
	/* A histogram with the value. */
	HIST,
	/* An output of so many letters. */
	LONG,
	/* So many objects within each other. */
	DEEP,
	/* Asks for the setting so many times. */
	SPEND,
	TRAP,
};

struct step {
	enum what what;
	__u32 key;
	__u64 value;
	char text[64];
};

struct number {
	__u64 number;
};

#endif
