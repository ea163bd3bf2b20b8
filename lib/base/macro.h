/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What C lacks and every file here wants. Owned locals carry a _cleanup_ from birth: a hand-written free on a rare path
 * is the one that gets forgotten. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _const_ __attribute__((const))
#define _pure_ __attribute__((pure))
#define _warn_unused_ __attribute__((warn_unused_result))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define CLAMP(v, low, high) MAX(MIN(v, high), low)

/* Hands an owned pointer on: `*ret = TAKE(p);` */
#define TAKE(p)                                                                                                               \
        ({                                                                                                                    \
                __typeof__(p) *_take_ = &(p);                                                                                 \
                __typeof__(p) _taken_ = *_take_;                                                                              \
                *_take_ = NULL;                                                                                               \
                _taken_;                                                                                                      \
        })

static inline void mhp_freep(void *p) {
        free(*(void **) p);
}
#define _cleanup_free_ _cleanup_(mhp_freep)

/* Defines `void fp(type **)` for _cleanup_ out of a destructor that takes NULL. */
#define DEFINE_CLEANUP(type, f)                                                                                               \
        static inline void f##p(type *p) {                                                                                    \
                if (*p)                                                                                                       \
                        f(*p);                                                                                                \
        }
