/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A machine for fuzz targets that is only in memory: its files, and memory that runs out. The linker puts these functions in the place
 * of libc's (fake.wrap), so the library's code is the one that is installed.
 *
 * A target of this kind has `fuzz_one()`. It is called once with all the memory it wants, and then again with one allocation that fails:
 * the fuzzer picks which, and a replay of the corpus has each of them fail in turn. */

#include "fuzz.h"

#include <stdbool.h>

#include "base/text.h"

void fuzz_one(const uint8_t *data, size_t size);

/* Files. A text that begins with `@` is a tree; each entry begins with a line of these:
 *
 *   @f PATH          a file; the lines up to the next entry are what is in it
 *   @b PATH          the same without the last newline
 *   @d PATH          a directory; those above a path are there without being named
 *   @l PATH TARGET   a link; an absolute one begins at the fake root
 *   @p PATH          a FIFO
 *   @n PATH          a device like /dev/null
 *   @x PATH ERRNO    open(2) fails
 *   @r PATH ERRNO    read(2) and readdir(3) fail
 */
#define FAKE_ROOT "/mhp-fuzz"

/* False: the text is no tree, and there are no files. */
bool fake_files(const uint8_t *data, size_t size);
void fake_files_done(void); /* aborts if one is still open */

/* One file more, or another text in it. PATH without FAKE_ROOT. */
void fake_file_put(const char *path, const void *data, size_t size);
const char *fake_file_get(const char *path, size_t *ret_size); /* NULL: not there */

/* Memory. */
bool fake_memory_failed(void); /* in this run */
void fake_memory_rest(void);   /* from here to the end of the run none fails */
bool fake_memory_fails(void);  /* for other fakes: whether what they stand for fails here */
void *fake_copy(const void *data, size_t size); /* of exactly that size, so that a read beyond it is seen; NULL: room alone. Does not fail */

/* A result that came about in spite of memory that ran out is the one that there is with enough of it. */
void fake_result(const struct mhp_text *text);

#define FINE(r) ((r) >= 0 || ((r) == -ENOMEM && fake_memory_failed()))
