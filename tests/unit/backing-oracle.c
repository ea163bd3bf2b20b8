/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "backing-oracle.h"

#include <string.h>

#define PAGE (o->geometry.page_size)

void oracle_init(struct oracle *o, const struct mhp_geometry *geometry, uint64_t first, uint32_t n_pages) {
        memset(o, 0, sizeof(*o));
        o->geometry = *geometry;
        o->first = first;
        o->n_pages = n_pages;
        o->section = (uint32_t) (geometry->section_size / PAGE);
        o->subsection = (uint32_t) (geometry->subsection_size / PAGE);
        o->block = (uint32_t) (geometry->block_size / PAGE);
        /* vmemmap_populate(): huge mappings where a section's memmap is made of them, single pages else. */
        o->leaf = o->section * geometry->struct_page % geometry->pmd_size == 0 ? (uint32_t) (geometry->pmd_size / PAGE) : 1;
        for (size_t i = 0; i < ORACLE_PAGES; i++)
                o->pages[i].altmap = o->pages[i].holds = ORACLE_NONE;
        for (size_t i = 0; i < ORACLE_PAGES + ORACLE_SLACK; i++)
                o->frames[i] = ORACLE_NONE;
}

uint64_t oracle_address(const struct oracle *o, uint64_t page) {
        return o->geometry.vmemmap_base + (o->first + page) * o->geometry.struct_page;
}

uint32_t oracle_vmemmap(const struct oracle *o, uint64_t address) {
        uint64_t leaf = o->leaf * PAGE;

        return (uint32_t) ((address - oracle_address(o, 0) / leaf * leaf) / PAGE);
}

uint32_t oracle_frame(const struct oracle *o, uint32_t page) {
        return o->frames[oracle_vmemmap(o, oracle_address(o, page))];
}

uint32_t oracle_last_frame(const struct oracle *o, uint32_t page) {
        return o->frames[oracle_vmemmap(o, oracle_address(o, page) + o->geometry.struct_page - 1)];
}

bool oracle_any_present(const struct oracle *o, uint32_t start, uint32_t end) {
        for (uint32_t p = start; p < end; p++)
                if (o->pages[p].present)
                        return true;
        return false;
}

bool oracle_all_present(const struct oracle *o, uint32_t start, uint32_t end) {
        for (uint32_t p = start; p < end; p++)
                if (!o->pages[p].present)
                        return false;
        return true;
}

bool oracle_any_online(const struct oracle *o, uint32_t start, uint32_t end) {
        for (uint32_t p = start; p < end; p++)
                if (o->online[p / o->block])
                        return true;
        return false;
}

bool oracle_cuts(const struct oracle *o, uint32_t start, uint32_t end) {
        for (uint32_t p = start; p < end; p++) {
                const struct oracle_altmap *altmap = o->pages[p].altmap == ORACLE_NONE ? NULL : &o->altmaps[o->pages[p].altmap];

                if (altmap && (altmap->start < start || altmap->end > end))
                        return true;
        }
        return false;
}

/* memory_blocks_have_altmaps(), mm/memory_hotplug.c. */
bool oracle_mixes(const struct oracle *o, uint32_t start, uint32_t end) {
        uint32_t n = 0;

        for (uint32_t p = start; p < end; p++)
                n += o->pages[p].altmap != ORACLE_NONE;
        return n > 0 && n < end - start;
}

/* mhp_supports_memmap_on_memory() and memory_block_memmap_on_memory_pages(), mm/memory_hotplug.c. */
void oracle_admit(const struct oracle *o, enum mhp_placement requested, uint64_t n_pages, struct mhp_admission *ret) {
        bool range = requested == MHP_PLACEMENT_RANGE;
        bool by_block = requested == MHP_PLACEMENT_SELF || requested == MHP_PLACEMENT_FORCE;
        uint64_t pageblock = o->geometry.pageblock_size / PAGE, n = by_block ? o->block : n_pages;
        uint64_t vmemmap_size = n * o->geometry.struct_page, memmap = (vmemmap_size + PAGE - 1) / PAGE, aside = memmap;
        enum mhp_refusal reason = MHP_REFUSAL_NONE;

        if (requested != MHP_PLACEMENT_SELF)
                aside = (memmap + pageblock - 1) / pageblock * pageblock;
        if (vmemmap_size % PAGE != 0)
                reason = MHP_REFUSAL_NOT_PAGE_ALIGNED;
        else if (aside % pageblock != 0)
                reason = MHP_REFUSAL_NOT_PAGEBLOCK_ALIGNED;
        else if (aside >= n)
                reason = MHP_REFUSAL_FILLS_BLOCK;
        else if (!range && o->geometry.needs_pmd && vmemmap_size % o->geometry.pmd_size != 0)
                reason = MHP_REFUSAL_NOT_PMD_ALIGNED;
        if (!range && !by_block)
                reason = MHP_REFUSAL_NONE;

        *ret = (struct mhp_admission) { .requested = requested, .placement = MHP_PLACEMENT_DRAM, .reason = reason,
                                        .memmap_pages = memmap };
        if (reason == MHP_REFUSAL_NONE && (range || by_block)) {
                ret->placement = requested;
                ret->set_aside_pages = aside;
        }
}

/* altmap_alloc_block_buf(). */
static bool altmap_alloc(struct oracle_altmap *altmap, uint64_t nr_pfns, uint64_t *ret) {
        uint64_t pfn = altmap->base_pfn + altmap->reserve + altmap->alloc + altmap->align;
        uint64_t allocated = altmap->alloc + altmap->align, nr_free = altmap->free > allocated ? altmap->free - allocated : 0;
        uint64_t nr_align = nr_pfns & -nr_pfns;

        nr_align = (pfn + nr_align - 1) / nr_align * nr_align - pfn;
        if (nr_pfns + nr_align > nr_free)
                return false;
        altmap->alloc += nr_pfns;
        altmap->align += nr_align;
        *ret = pfn + nr_align;
        return true;
}

static struct oracle_altmap *new_altmap(struct oracle *o, uint32_t start, uint32_t end, const struct mhp_admission *admission) {
        uint32_t i = 0;

        while (o->altmaps[i].alive)
                i++;
        o->altmaps[i] = (struct oracle_altmap) {
                .base_pfn = o->first + start, .free = admission->set_aside_pages,
                .start = start, .end = end, .placement = admission->placement, .alive = true };
        for (uint32_t p = start; p < end; p++)
                o->pages[p].altmap = i;
        return &o->altmaps[i];
}

static void drop_altmap(struct oracle *o, struct oracle_altmap *altmap) {
        uint32_t i = (uint32_t) (altmap - o->altmaps);

        for (uint32_t p = 0; p < o->n_pages; p++)
                if (o->pages[p].altmap == i) {
                        if (o->pages[p].holds != ORACLE_NONE)
                                o->frames[o->pages[p].holds] = ORACLE_NONE;
                        o->pages[p].holds = o->pages[p].altmap = ORACLE_NONE;
                }
        altmap->alive = false;
}

/* vmemmap_populate_hugepages() or _basepages() of one section. */
static bool populate(struct oracle *o, struct oracle_altmap *altmap, uint32_t start, uint32_t end) {
        uint64_t leaf = o->leaf * PAGE, address = oracle_address(o, start) / leaf * leaf, pfn;

        for (; address < oracle_address(o, end); address += leaf) {
                uint32_t v = oracle_vmemmap(o, address);

                if (o->frames[v] != ORACLE_NONE) /* with the section before */
                        continue;
                if (!altmap_alloc(altmap, o->leaf, &pfn))
                        return false;
                for (uint32_t i = 0; i < o->leaf; i++) {
                        o->frames[v + i] = (uint32_t) (pfn - o->first) + i;
                        o->pages[pfn - o->first + i].holds = v + i;
                }
        }
        return true;
}

static uint32_t next_section(const struct oracle *o, uint32_t page, uint32_t end) {
        uint32_t next = (page / o->section + 1) * o->section;

        return next < end ? next : end;
}

/* __add_pages() for what one altmap is made for. The memmap of its whole sections has to begin and end with a mapping: one that
 * describes a neighbour too is not the altmap's alone. */
static bool add_pages(struct oracle *o, struct oracle_altmap *altmap, uint32_t start, uint32_t end) {
        uint64_t leaf = o->leaf * PAGE;

        for (uint32_t p = start, next; p < end; p = next) {
                next = next_section(o, p, end);
                if (next - p < o->section)
                        continue;
                if ((p - start < o->section && oracle_address(o, p) % leaf != 0) ||
                    (end - next < o->section && oracle_address(o, next) % leaf != 0))
                        return false;
                if (!populate(o, altmap, p, next))
                        return false;
        }
        return true;
}

static void make_present(struct oracle *o, uint32_t start, uint32_t end) {
        for (uint32_t p = start; p < end; p++) {
                o->pages[p].present = true;
                o->pages[p].dram = oracle_frame(o, p) == ORACLE_NONE;
        }
}

void oracle_add(struct oracle *o, uint32_t start, uint32_t end, enum mhp_placement placement, struct mhp_admission *ret) {
        struct mhp_admission admission;
        uint64_t alloc = 0;

        oracle_admit(o, placement, end - start, &admission);
        if (admission.placement != MHP_PLACEMENT_DRAM) {
                uint32_t unit = placement == MHP_PLACEMENT_RANGE ? end - start : o->block;
                struct oracle_altmap *made[ORACLE_PAGES];
                size_t n_made = 0;
                bool fits = true;

                for (uint32_t p = start; p < end && fits; p += unit) {
                        struct oracle_altmap *altmap = made[n_made++] = new_altmap(o, p, p + unit, &admission);

                        fits = add_pages(o, altmap, p, p + unit);
                        alloc = altmap->alloc;
                }
                if (!fits) {
                        while (n_made > 0)
                                drop_altmap(o, made[--n_made]);
                        admission.placement = MHP_PLACEMENT_DRAM;
                        admission.reason = MHP_REFUSAL_NOT_PMD_ALIGNED;
                        admission.set_aside_pages = 0;
                        alloc = 0;
                }
        }
        admission.waste_pages = admission.set_aside_pages - alloc;
        make_present(o, start, end);
        *ret = admission;
}

/* Boot makes the memmap of a section whole, however little of it there is. */
void oracle_add_early(struct oracle *o, uint32_t start, uint32_t end) {
        make_present(o, start, end);
        for (uint32_t section = start / o->section; section <= (end - 1) / o->section; section++) {
                o->early[section] = true;
                for (uint32_t p = section * o->section; p < (section + 1) * o->section; p++)
                        o->pages[p].dram = true;
        }
}

/* -------------------------------------------------------------------------------------------------------------------- removing
 * */

void oracle_remove(struct oracle *o, uint32_t start, uint32_t end) {
        o->remove_start = o->remove_at = start;
        o->remove_end = end;
        o->n_pending = 0;
        o->hosted_left = 0;
}

/* Sections (or parts of them) that came with the altmap and have not gone. */
static uint64_t sections_left(const struct oracle *o, const struct oracle_altmap *altmap) {
        uint64_t n = 0;

        for (uint32_t p = altmap->start, next; p < altmap->end; p = next) {
                next = next_section(o, p, altmap->end);
                n += oracle_any_present(o, p, next);
        }
        return n;
}

static const char *check_counts(const struct oracle *o, const struct oracle_altmap *altmap,
                                const struct mhp_teardown_step *step) {
        if (step->sections_left != (altmap ? sections_left(o, altmap) : 0))
                return "sections_left is wrong";
        return step->alloc != (altmap ? altmap->alloc : 0) ? "alloc is wrong" : NULL;
}

static const char *section_step(struct oracle *o, const struct mhp_teardown_step *step) {
        uint32_t start = (uint32_t) (step->start / PAGE - o->first), end = (uint32_t) (step->end / PAGE - o->first), i, all;
        struct oracle_altmap *altmap;

        if (start != o->remove_at || end <= start || end > next_section(o, start, o->remove_end))
                return "this is not the next section";
        i = o->pages[start].altmap;
        altmap = i == ORACLE_NONE ? NULL : &o->altmaps[i];
        if (o->hosted_left)
                return "the region before has not been freed";
        if (o->n_pending > 0)
                return "the section before has not been freed";
        if (!oracle_all_present(o, start, end) || oracle_any_online(o, start, end))
                return "it cannot go";
        for (uint32_t p = start; p < end; p++)
                if (o->pages[p].altmap != i)
                        return "it came in pieces and goes as one";
        if (end < next_section(o, start, o->remove_end) && o->pages[end].altmap == i)
                return "it goes in pieces";
        for (uint32_t p = start; p < end; p++)
                o->pages[p].present = false;
        o->remove_at = end;

        /* section_deactivate(), mm/sparse.c */
        all = start / o->section * o->section;
        if (o->early[start / o->section]) {
                if (!oracle_any_present(o, all, all + o->section)) {
                        o->early[start / o->section] = false;
                        o->pending = all;
                        o->n_pending = o->section;
                }
        } else if (o->pages[start].dram) {
                o->pending = start;
                o->n_pending = end - start;
        }
        o->hosted_left = altmap && sections_left(o, altmap) == 0 ? altmap->alloc : 0;
        return check_counts(o, altmap, step);
}

/* What lies in ordinary memory goes with its section. */
static const char *free_dram(struct oracle *o, const struct mhp_teardown_step *step, struct oracle_altmap *altmap) {
        if (step->start != oracle_address(o, o->pending) || step->end != oracle_address(o, o->pending + o->n_pending))
                return "this is not the memmap of the section that has just gone";
        for (uint32_t p = o->pending; p < o->pending + o->n_pending; p++) {
                if (!o->pages[p].dram)
                        return "it is not in ordinary memory";
                if (o->pages[p].present)
                        return "it is still in use";
                o->pages[p].dram = false;
        }
        o->n_pending = 0;
        return check_counts(o, altmap, step);
}

static const char *free_hosted(struct oracle *o, const struct mhp_teardown_step *step, struct oracle_altmap *altmap) {
        uint32_t v = oracle_vmemmap(o, step->start), i = (uint32_t) (altmap - o->altmaps);

        if (o->n_pending > 0)
                return "the memmap in ordinary memory has not gone";
        if (sections_left(o, altmap) > 0)
                return "freed before its last section has gone";
        if (step->start % (o->leaf * PAGE) != 0 || step->end - step->start != o->leaf * PAGE)
                return "this is not one mapping";
        for (uint32_t p = altmap->start; p < altmap->end; p++)
                if (o->pages[p].holds != ORACLE_NONE && o->pages[p].holds >= v + o->leaf)
                        return "not backwards";
        for (uint32_t n = 0; n < o->leaf; n++) {
                if (o->frames[v + n] == ORACLE_NONE || o->pages[o->frames[v + n]].altmap != i)
                        return "freed what is not there, or somebody else's";
                o->pages[o->frames[v + n]].holds = ORACLE_NONE;
                o->frames[v + n] = ORACLE_NONE;
        }
        altmap->alloc -= o->leaf; /* vmem_altmap_free(), mm/memremap.c */
        o->hosted_left -= o->leaf;
        return check_counts(o, altmap, step);
}

const char *oracle_step(struct oracle *o, const struct mhp_teardown_step *step) {
        uint32_t i = o->remove_at > o->remove_start ? o->pages[o->remove_at - 1].altmap : ORACLE_NONE;
        struct oracle_altmap *altmap = i == ORACLE_NONE ? NULL : &o->altmaps[i];

        if (step->kind == MHP_TEARDOWN_SECTION)
                return section_step(o, step);
        if (o->remove_at == o->remove_start || step->start >= step->end)
                return "there is nothing to be freed";
        if (o->n_pending > 0 && step->start == oracle_address(o, o->pending))
                return free_dram(o, step, altmap);
        return altmap ? free_hosted(o, step, altmap) : "freed what has gone already";
}

const char *oracle_removed(struct oracle *o) {
        if (o->remove_at != o->remove_end)
                return "something is left";
        if (o->n_pending > 0 || o->hosted_left > 0)
                return "not all of the memmap has been freed";
        for (uint32_t p = o->remove_start; p < o->remove_end; p++) {
                uint32_t i = o->pages[p].altmap;

                if (i == ORACLE_NONE)
                        continue;
                if (o->altmaps[i].alloc != 0)
                        return "the altmap is not fully unmapped"; /* as remove_memory_blocks_and_altmaps() says it */
                drop_altmap(o, &o->altmaps[i]);
        }
        return NULL;
}

void oracle_forget(struct oracle *o) {
        for (uint32_t p = o->remove_start; p < o->remove_end; p++)
                o->pages[p].present = false;
        for (uint32_t p = o->remove_start; p < o->remove_end; p++) {
                uint32_t section = p / o->section;

                if (o->pages[p].altmap != ORACLE_NONE)
                        drop_altmap(o, &o->altmaps[o->pages[p].altmap]);
                o->pages[p].dram = o->early[section];
                if (!o->early[section] || oracle_any_present(o, section * o->section, (section + 1) * o->section))
                        continue;
                o->early[section] = false;
                for (uint32_t q = section * o->section; q < (section + 1) * o->section; q++)
                        o->pages[q].dram = false;
        }
}
