# SPDX-License-Identifier: GPL-2.0-only
"""
What rmfork promises, how each promise is broken by changing a line or two, and the case that has to notice.

`old` must occur exactly once in `file`: features-self sees to that, and that the case is there. `suite` is one of
test/check.py's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    promise: str
    file: str
    old: str
    new: str
    suite: str
    case: str


def kernel(promise: str, file: str, old: str, new: str, case: str, suite: str = "vm-rmfork-device") -> Feature:
    return Feature(promise, f"rmfork/kernel/{file}", old, new, suite, case)


FEATURES = [
    # pages shared, and room saved
    kernel("pages that tasks of a tree have in common are stored once", "mm/origin.c",
           "	if (!ubmem_origin_find(ub, source, nr))\n", "	if (!ubmem_origin_find(ub, source, nr) || true)\n",
           "pages_common_to_two_tasks_are_stored_once"),
    kernel("a tree takes no more memory after the restore than before", "mm/origin.c",
           "	if (!ubmem_origin_find(ub, source, nr))\n", "	if (!ubmem_origin_find(ub, source, nr) || true)\n",
           "common_pages_are_stored_once_and_restored_common", "vm-sharing-device"),
    kernel("only equal contents are shared", "mm/origin.c",
           "bool same = !memcmp(at_a, at_b, PAGE_SIZE);", "bool same = true;",
           "a_reused_frame_is_not_taken_for_the_old_page"),
    kernel("pages of zeros take no room", "mm/store.c",
           "else if (zeros_implied && is_zero(page)) {", "else if (false && is_zero(page)) {",
           "zero_pages_of_anonymous_memory_take_no_room"),
    kernel("what a restored task did not change is not stored again", "mm/store.c",
           "	if (b->snap->ub->backing->find(b->snap->ub, page, nr))\n"
           "		return ubmem_share_page(b->snap->ub, *nr);\n", "",
           "a_dump_of_a_restored_task_copies_only_what_it_wrote"),
    kernel("of a huge page each part is stored", "mm/dump.c",
           "addr < end; addr += PAGE_SIZE, page++) {\n			get_page(page);",
           "addr < end; addr += PAGE_SIZE) {\n			get_page(page);", "huge_pages_are_saved"),
    # what is memory of the task
    kernel("swapped out pages are stored", "mm/dump.c",
           "return is_empty_marker(pte) ? PTE_SKIP : PTE_FAULT;", "return PTE_SKIP;",
           "swapped_out_pages_are_saved"),
    kernel("of a file mapping what was changed is stored", "mm/dump.c",
           "return vma_is_anonymous(d->vma) || PageAnon(page) || in_ubmem(d, page);",
           "return vma_is_anonymous(d->vma);", "of_a_private_file_mapping_only_changes_are_saved"),
    kernel("shared memory is not touched", "mm/vma.c", "(VM_SHARED | VM_MAYSHARE | VM_HUGETLB", "(VM_HUGETLB",
           "a_shared_mapping_is_refused_before_anything_is_inserted"),
    # many restores
    kernel("a write of a restored task does not reach the snapshot", "mm/restore.c",
           "	ret = vm_insert_pages(vma, addr, r->batch, &left);",
           "	vma->vm_page_prot = vm_get_page_prot(flags | VM_SHARED);\n"
           "	ret = vm_insert_pages(vma, addr, r->batch, &left);",
           "writes_of_a_restored_task_do_not_reach_the_snapshot"),
    kernel("a restore inserts and does not copy", "mm/restore.c",
           "	ret = walk_segments(r, insert);\n	if (!ret && r->ins)", "	ret = walk_segments(r, copy);\n	if (!ret && r->ins)",
           "many_clones_take_the_memory_of_one", "vm-sharing-device"),
    kernel("what several processors share out is all done", "mm/insert.c",
           "		if (which >= ins->nr)\n", "		if (which >= ins->nr - 1)\n", "a_large_restore_is_whole"),
    kernel("a copying restore does not need ubmem afterwards", "mm/restore.c",
           "		return walk_segments(r, copy);", "		return walk_segments(r, insert);",
           "a_copying_restore_does_not_depend_on_ubmem"),
    kernel("what is in the way is found before anything is inserted", "mm/restore.c",
           "	return addr == end;", "	return true;",
           "a_populated_page_is_refused_before_anything_is_inserted"),
    # lazy restores
    kernel("a lazy restore maps nothing", "mm/restore.c",
           "	ret = walk_segments(r, attach);", "	ret = walk_segments(r, insert);",
           "lazy_pages_come_when_they_are_touched"),
    kernel("a restored mapping is an ordinary one", "mm/restore.c",
           "	if (!mixed)\n		rmfork_vma_flags(vma, 0, VM_MIXEDMAP);\n", "",
           "pieces_of_a_restored_mapping_merge_again"),
    kernel("a large one too", "mm/insert.c", "	set_mixed(ins, false);\n", "", "a_restored_mapping_is_not_marked"),
    kernel("a settled mapping is an ordinary one", "mm/lazy.c",
           "	WRITE_ONCE(vma->vm_private_data, NULL);\n	rmfork_vma_flags(vma, 0, VM_MIXEDMAP);\n",
           "	WRITE_ONCE(vma->vm_private_data, NULL);\n", "a_restored_mapping_takes_advice"),
    kernel("reclaim may meet the end of lazy memory", "mm/lazy.c",  # slowly, so that it does
           "	if (start < end)\n		rmfork_lazy_give_up(lazy, vma, start, end);\n",
           "	for (int i = 0; i < 50000; i++)\n		cpu_relax();\n"
           "	if (start < end)\n		rmfork_lazy_give_up(lazy_of(vma), vma, start, end);\n",
           "the guest kernel survives", "fuzz-kernel"),
    kernel("a child that cannot be filled keeps nothing of the module", "mm/lazy.c",
           "	make_ordinary(vma);\n	if (ret)\n		make_inaccessible(vma);\n",
           "	if (!ret)\n		make_ordinary(vma);\n	else\n		rmfork_lazy_get(lazy);\n",
           "a_child_that_cannot_be_filled_has_no_access"),
    kernel("a split of a huge page gives up nothing", "mm/lazy.c",
           "vma_is_anonymous((struct vm_area_struct *)vma) && !vma->anon_vma &&",
           "vma_is_anonymous((struct vm_area_struct *)vma) &&", "a_huge_page_of_the_parent_is_split"),
    kernel("nor one where a part of the mapping was moved to", "mm/lazy.c",
           "	ret = settle(vma->vm_mm, vma);\n", "	ret = 0;\n",
           "a_huge_page_where_lazy_memory_was_moved_to_is_split"),
    kernel("no page comes back after it was given up", "mm/lazy-pages.c",
           "		ret = vm_insert_page(vma, addr, page);\n	spin_unlock(&lazy->lock);\n",
           "		ret = 0;\n	spin_unlock(&lazy->lock);\n	ret = ret ? ret : vm_insert_page(vma, addr, page);\n",
           "lazy_pages_given_up_while_they_are_touched_read_as_zeros"),
    kernel("lazy memory that is given up reads as zeros", "mm/lazy.c",
           "	if (range->event != MMU_NOTIFY_CLEAR || is_split(range))", "	if (range->event || !range->event)",
           "lazy_pages_given_up_read_as_zeros"),
    kernel("a child inherits lazy memory", "mm/lazy.c",
           "	if (!(vma->vm_flags & VM_WIPEONFORK))\n		ret = fill(vma);\n", "",
           "a_child_inherits_lazy_memory"),
    kernel("lazy memory moves with its contents", "mm/lazy.c",
           "	int ret = rmfork_lazy_fill(lazy, vma, vma->vm_start, end);\n", "	int ret = 0;\n",
           "lazy_memory_moves"),
    kernel("a lazily restored task can be dumped before it touches anything", "mm/dump.c",
           "	ret = rmfork_settle(d->mm);\n	if (!ret) {", "	ret = 0;\n	if (!ret) {",
           "an_untouched_lazy_task_can_be_dumped"),
    # lifetime
    kernel("a page that is freed while mapped stays what it is", "ubmem/use.c",
           "	if (page_count(ub->backing->page(ub, nr)) > 1) {", "	if (false) {",
           "freed_pages_stay_with_the_task_that_maps_them"),
    kernel("and its room comes back", "ubmem/reclaim.c",
           "		left--;\n		ub->pending_pages--;\n		ubmem_retire(ub, nr);", "		left--;",
           "freed_pages_stay_with_the_task_that_maps_them"),
    kernel("the snapshots of a killed dumper go with it", "snapshot/snapshot.c",
           "		free_unlisted(snap);\n		cond_resched();", "		cond_resched();",
           "the_snapshots_of_a_killed_dumper_go"),
    kernel("a failed dump leaves nothing allocated", "mm/dump.c",
           "		if (ret)\n			rmfork_snapshot_put(d->snap);", "		if (ret)\n			(void)0;",
           "a_full_pool_refuses_and_loses_nothing"),
    kernel("what is lost during a dump is not committed", "snapshot/snapshot.c", "	if (nr == owner->nr) {", "	if (nr <= owner->nr) {",
           "a_session_that_lost_a_snapshot_is_not_committed"),
    kernel("FREE frees the snapshot that is meant", "snapshot/snapshot.c",
           "	stale = snap && generation && snap->header.generation != generation;", "	stale = false;",
           "FreesTheGenerationThatIsMeant", "unit:rmfork-module-unit"),
    kernel("a restore takes the snapshot that is meant", "snapshot/snapshot.c",
           "	if (IS_ERR(snap) || !generation || snap->header.generation == generation)", "	if (true)",
           "GetsTheGenerationThatIsMeant", "unit:rmfork-module-unit"),
    Feature("a restore says which snapshot it means", "rmfork/src/restore.cc",
            "    call.kargs.va = source.info->generation;", "    call.kargs.va = 0;", "unit:rmfork-unit",
            "WhatTookThePlaceMeanwhileIsNotRestored"),
    Feature("a restore does not count over all pages", "rmfork/src/restore.cc",
            "    return kernel.identify(off);", "    return kernel.info(off);", "unit:rmfork-unit",
            "NothingIsCountedOverAllPages"),
    kernel("a module with snapshots is not unloaded", "snapshot/snapshot.c",
           "	__module_get(THIS_MODULE);\n	snap->pins = true;\n", "",
           "unload_is_refused_while_a_snapshot_exists"),
    kernel("a kept pool is found again", "share/open.c",
           "	if (ub->backing->kept && !(how & UBMEM_FORMAT))\n", "	if (false)\n",
           "a_reloaded_module_finds_the_snapshots_of_a_kept_pool", "vm-rmfork-range"),
    Feature("a full pool is told with its numbers", "criu/mm/rmfork-bridge.cc",
            'fail("{}; the task needs up to {:.1f} MiB; rmforkctl', 'fail("{}; the task needs a lot ({:.1f}); rmforkctl',
            "vm-bridge-device", "a_full_pool_is_told_with_its_numbers"),
    # other machines
    kernel("what a guest uses is not used for anything else", "share/pins.c",
           "		pinned = block_pins(block, snap);", "		pinned = block_pins(block, snap) && false;", "Guests.", "unit:rmfork-module-unit"),
    kernel("a guest does not take what is being freed", "share/guest.c",
           "	return memcmp(&header, &snap->header, sizeof(header)) ? -ENOENT : 0;", "	return 0;",
           "Guests.APinMeetsAFree", "unit:rmfork-module-unit"),
    kernel("an owner that was taken over writes nothing", "ubmem/super.c",
           "	if (ubmem_user(ub) == ub->user)\n", "	if (true)\n",
           "Owner.ThatWasTakenOverWritesNothing", "unit:rmfork-module-unit"),
    kernel("of two owners that come at once one is refused", "ubmem/layout.c",
           "	bool ours = sync_cmpxchg(at, from, to) == from;", "	bool ours = (WRITE_ONCE(*at, to), from != to);",
           "Owner.OfTwoThatComeAtOnceOneIsRefused", "unit:rmfork-module-unit"),
    # nothing is believed
    kernel("the capability is not enough for others' memory", "mm/task.c", "	if (may_access(task, mm))", "	if (true)",
           "checkpoint_restore_capability_does_not_reach_others"),
    kernel("who traces a task may save it", "mm/task.c", "	traced = tracer && same_thread_group(tracer, current);",
           "	traced = false;", "a_tracer_needs_no_other_capability"),
    kernel("an index asks for no more than the pool has", "snapshot/header.c", "header->page_count > snap->ub->nr_pages || ", "",
           "Kept.AnIndexOfMorePagesThanThePoolIsRefused", "unit:rmfork-module-unit"),
    kernel("a hole in a file takes nothing of a restore", "mm/restore.c", "	if (!vma_is_anonymous(vma))\n		return copy_batch",
           "	if (false)\n		return copy_batch", "a_hole_punched_during_a_restore_takes_nothing"),
    kernel("a caller needs the capability", "call.c", "	if (!rmfork_privileged())", "	if (false)",
           "caller_without_capability_gets_eperm"),
    kernel("damaged superblocks are refused", "ubmem/super.c",
           " && super->checksum == super_crc(super);", ";", "NoDamagedByteIsAdopted", "unit:rmfork-module-unit"),
    # a kept pool, and a machine that goes down
    kernel("one of two superblocks is always whole", "ubmem/super.c",
           "	which = ++ub->sequence % RMFORK_SUPERS;", "	which = (ub->sequence += 2) % RMFORK_SUPERS;",
           "Crash.ADumpIsThereOrNot", "unit:rmfork-module-unit"),
    kernel("what is written is flushed", "ubmem/layout.c",
           "	if (!ub->backing->persistent)\n		return;", "	return;",
           "Crash.ASnapshotIsFreedOrNot", "unit:rmfork-module-unit"),
    kernel("a snapshot that is half freed is freed", "share/adopt.c",
           "	if (rmfork_header_retracted(snap)) {", "	if (false) {",
           "Crash.ASnapshotIsFreedOrNot", "unit:rmfork-module-unit"),
    kernel("what is freed is forgotten before it is used again", "snapshot/directory.c",
           "	/* Before anything of the snapshot changes. */\n	ubmem_barrier(snap->ub);\n", "",
           "Crash.APageIsNotUsedAgainTooSoon", "unit:rmfork-module-unit"),
    kernel("a header is retracted before the directory forgets it", "snapshot/snapshot.c",
           "	rmfork_header_retract(snap);\n	ubmem_dir_strike(snap);\n",
           "	ubmem_dir_strike(snap);\n	rmfork_header_retract(snap);\n",
           "Crash.WhatAGuestHasInUseIsKept", "unit:rmfork-module-unit"),
    kernel("a snapshot is complete before the directory names it", "snapshot/header.c",
           "	ubmem_write_word(snap->ub, snap->meta_off, header->magic);\n"
           "	/* All of it is there before the directory names it, which may be by another processor. */\n	ubmem_barrier(snap->ub);\n",
           "	ubmem_write_word(snap->ub, snap->meta_off, header->magic);\n",
           "Crash.ADumpIsThereOrNot", "unit:rmfork-module-unit"),
    kernel("a header is there before the directory names it", "snapshot/snapshot.c",
           "	snap->header.created_ns = ktime_get_real_ns();\n	rmfork_header_publish(snap);\n\n	mutex_lock(&ub->lock);\n",
           "	snap->header.created_ns = ktime_get_real_ns();\n	mutex_lock(&ub->lock);\n"
           "	if (!owner)\n		ubmem_dir_enter(snap);\n	rmfork_header_publish(snap);\n",
           "Crash.ADumpIsThereOrNot", "unit:rmfork-module-unit"),
    kernel("the old pool is there until the new one takes its place", "ubmem/super.c",
           "	ubmem_write_word(ub, 0, RMFORK_FORMAT_MAGIC);\n", "",
           "Crash.APoolIsMadeAnewOrIsTheOldOne", "unit:rmfork-module-unit"),
    kernel("no page of a found pool has two uses", "ubmem/alloc.c",
           "kind == UBMEM_DATA && share_locked(ub, nr)", "true",
           "ForgedPoolsStayWithinBounds", "unit:rmfork-module-unit"),
    Feature("the images of another pool are refused", "rmfork/src/restore.cc",
            "  if (!std::equal(id.pool", "  if (false && !std::equal(id.pool", "unit:rmfork-unit", "AnotherPoolIsRefusedByName"),
    Feature("a snapshot in the place of another is told", "rmfork/src/restore.cc",
            "  if (image == kernel) return;", "  if (image == kernel || what != nullptr) return;", "unit:rmfork-unit",
            "AnotherSnapshotAtTheSameOffsetIsRefused"),
]
