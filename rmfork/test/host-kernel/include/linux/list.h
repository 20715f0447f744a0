/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_LIST_H
#define HOST_LINUX_LIST_H
#include <linux/types.h>
struct list_head {
	struct list_head *next, *prev;
};
static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head->prev = head;
}
static inline void list_add(struct list_head *entry, struct list_head *head)
{
	entry->next = head->next;
	entry->prev = head;
	head->next->prev = entry;
	head->next = entry;
}
static inline void list_add_tail(struct list_head *entry, struct list_head *head)
{
	list_add(entry, head->prev);
}
static inline void list_del_init(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	entry->prev->next = entry->next;
	INIT_LIST_HEAD(entry);
}
static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}
#define list_del(entry) list_del_init(entry)
#define list_entry(at, type, member) container_of(at, type, member)
#define list_entry_is_head(pos, head, member) (&pos->member == (head))
#define list_for_each_entry(pos, head, member)                                \
	for (pos = list_entry((head)->next, __typeof__(*pos), member);        \
	     !list_entry_is_head(pos, head, member);                          \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))
#define list_for_each_entry_reverse(pos, head, member)                        \
	for (pos = list_entry((head)->prev, __typeof__(*pos), member);        \
	     !list_entry_is_head(pos, head, member);                          \
	     pos = list_entry(pos->member.prev, __typeof__(*pos), member))
#define list_for_each_entry_safe(pos, n, head, member)                        \
	for (pos = list_entry((head)->next, __typeof__(*pos), member),        \
	    n = list_entry(pos->member.next, __typeof__(*pos), member);       \
	     !list_entry_is_head(pos, head, member);                          \
	     pos = n, n = list_entry(n->member.next, __typeof__(*n), member))
#define list_first_entry_or_null(head, type, member)                          \
	((head)->next == (head) ? NULL : list_entry((head)->next, type, member))
#endif
