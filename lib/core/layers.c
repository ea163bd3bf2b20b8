/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Kahn's algorithm, with edges that lead to runs of nodes. */

#include "core/layers.h"

#include <errno.h>

#include "base/array.h"
#include "base/macro.h"

#define NO_EDGE UINT32_MAX

struct graph {
        size_t n, n_edges;
        const struct mhp_edge *edges;
        uint32_t *head;    /* owned; of each node, its first edge */
        uint32_t *next;    /* owned; of each edge, the next one of its node */
        uint32_t *waiting; /* owned; how many go before each node and have not gone yet */
        uint32_t *queue;   /* owned; those that nothing waits before, in the order in which that became so */
};

static void graph_done(struct graph *graph) {
        free(graph->head);
        free(graph->next);
        free(graph->waiting);
        free(graph->queue);
}

static int graph_init(struct graph *graph) {
        graph->head = calloc(graph->n + 1, sizeof(*graph->head));
        graph->next = calloc(graph->n_edges + 1, sizeof(*graph->next));
        graph->waiting = calloc(graph->n + 1, sizeof(*graph->waiting));
        graph->queue = calloc(graph->n + 1, sizeof(*graph->queue));
        if (!graph->head || !graph->next || !graph->waiting || !graph->queue)
                return -ENOMEM;
        for (size_t i = 0; i < graph->n; i++)
                graph->head[i] = NO_EDGE;
        for (size_t e = 0; e < graph->n_edges; e++) {
                const struct mhp_edge *edge = &graph->edges[e];

                graph->next[e] = graph->head[edge->before];
                graph->head[edge->before] = (uint32_t) e;
                for (uint32_t i = edge->first; i <= edge->last; i++)
                        graph->waiting[i] += i != edge->before;
        }
        return 0;
}

/* Takes away one node after the other that nothing waits before; says how many. What is left has `waiting` above 0. */
static size_t graph_peel(struct graph *graph, uint32_t *layer) {
        size_t done = 0, ready = 0;

        for (size_t i = 0; i < graph->n; i++) {
                layer[i] = 0;
                if (graph->waiting[i] == 0)
                        graph->queue[ready++] = (uint32_t) i;
        }
        for (; done < ready; done++) {
                uint32_t node = graph->queue[done];

                for (uint32_t e = graph->head[node]; e != NO_EDGE; e = graph->next[e])
                        for (uint32_t i = graph->edges[e].first; i <= graph->edges[e].last; i++) {
                                if (i == node)
                                        continue;
                                layer[i] = MAX(layer[i], layer[node] + 1);
                                if (--graph->waiting[i] == 0)
                                        graph->queue[ready++] = i;
                        }
        }
        return done;
}

/* The edges between what is left, turned round. */
static int turn_round(const struct graph *graph, struct mhp_edge **ret, size_t *ret_n) {
        _cleanup_free_ struct mhp_edge *edges = NULL;
        size_t n = 0, capacity = 0;

        for (size_t e = 0; e < graph->n_edges; e++) {
                const struct mhp_edge *edge = &graph->edges[e];

                if (graph->waiting[edge->before] == 0)
                        continue;
                for (uint32_t i = edge->first; i <= edge->last; i++) {
                        int r;

                        if (graph->waiting[i] == 0 || i == edge->before)
                                continue;
                        r = ARRAY_GROW(edges, n, capacity);
                        if (r < 0)
                                return r;
                        edges[n++] = (struct mhp_edge) { .before = i, .first = edge->before, .last = edge->before };
                }
        }
        *ret = TAKE(edges);
        *ret_n = n;
        return 0;
}

/* What nothing waits for is behind a cycle and in none: peeled off from the other side. */
static int find_cycle(const struct graph *graph, bool *in_cycle) {
        _cleanup_free_ struct mhp_edge *edges = NULL;
        _cleanup_free_ uint32_t *unused = calloc(graph->n + 1, sizeof(*unused));
        _cleanup_(graph_done) struct graph round = { .n = graph->n };
        int r = unused ? turn_round(graph, &edges, &round.n_edges) : -ENOMEM;

        if (r < 0)
                return r;
        round.edges = edges;
        r = graph_init(&round);
        if (r < 0)
                return r;
        (void) graph_peel(&round, unused);
        for (size_t i = 0; i < graph->n; i++)
                in_cycle[i] = round.waiting[i] > 0;
        return 1;
}

int mhp_layers(size_t n, const struct mhp_edge *edges, size_t n_edges, uint32_t *layer, bool *in_cycle) {
        _cleanup_(graph_done) struct graph graph = { .n = n, .n_edges = n_edges, .edges = edges };
        uint32_t last = 0;
        size_t done;
        int r = graph_init(&graph);

        if (r < 0)
                return r;
        done = graph_peel(&graph, layer);
        for (size_t i = 0; i < n; i++)
                in_cycle[i] = false;
        if (done == n)
                return 0;
        for (size_t i = 0; i < done; i++)
                last = MAX(last, layer[graph.queue[i]] + 1);
        for (size_t i = 0; i < n; i++)
                if (graph.waiting[i] > 0)
                        layer[i] = last;
        return find_cycle(&graph, in_cycle);
}
