/*
 * compat.h
 *	  What differs between PostgreSQL 15 to 19 and between releases of
 *	  libcurl.  The only file that tests PG_VERSION_NUM or LIBCURL_VERSION_NUM;
 *	  code elsewhere uses the names defined here.
 */
#ifndef TT_COMPAT_H
#define TT_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "tiktok_fdw needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#include "commands/explain.h"

/* create_foreignscan_path(): two arguments came */
/* clang-format off */
#if PG_VERSION_NUM >= 180000
#define TT_FOREIGNSCAN_PATH(root, rel, target, rows, startup, total, keys, outer, fdw) \
	create_foreignscan_path(root, rel, target, rows, 0, startup, total, keys, outer, \
							NULL, NIL, fdw)
#define TT_FOREIGN_UPPER_PATH(root, rel, target, rows, startup, total, keys, fdw) \
	create_foreign_upper_path(root, rel, target, rows, 0, startup, total, keys, \
							  NULL, NIL, fdw)
#elif PG_VERSION_NUM >= 170000
#define TT_FOREIGNSCAN_PATH(root, rel, target, rows, startup, total, keys, outer, fdw) \
	create_foreignscan_path(root, rel, target, rows, startup, total, keys, outer, \
							NULL, NIL, fdw)
#define TT_FOREIGN_UPPER_PATH(root, rel, target, rows, startup, total, keys, fdw) \
	create_foreign_upper_path(root, rel, target, rows, startup, total, keys, \
							  NULL, NIL, fdw)
#else
#define TT_FOREIGNSCAN_PATH(root, rel, target, rows, startup, total, keys, outer, fdw) \
	create_foreignscan_path(root, rel, target, rows, startup, total, keys, outer, \
							NULL, fdw)
#define TT_FOREIGN_UPPER_PATH(root, rel, target, rows, startup, total, keys, fdw) \
	create_foreign_upper_path(root, rel, target, rows, startup, total, keys, \
							  NULL, fdw)
#endif
/* clang-format on */

/* what became of a path's children, where it counts */
#if PG_VERSION_NUM >= 180000
#define TT_PATH_DISABLED(to, from) ((to)->disabled_nodes = (from)->disabled_nodes)
#else
#define TT_PATH_DISABLED(to, from) ((void) 0)
#endif

/* the outer side of a join without repeats, or NULL; from 19 on rel is made of such paths */
#if PG_VERSION_NUM >= 190000
#define TT_UNIQUE_PATH(root, rel, sjinfo) ((rel)->cheapest_total_path)
#else
#define TT_UNIQUE_PATH(root, rel, sjinfo) \
	((Path *) create_unique_path(root, rel, (rel)->cheapest_total_path, sjinfo))
#endif

/*
 * Whether a join is of relations that stand for another one's rows, from 19 on: aggregated
 * before the join, or each of them once.
 */
/* clang-format off */
#if PG_VERSION_NUM >= 190000
#define TT_JOIN_OF_DERIVED(joinrel, outer, inner, sjinfo, jointype) \
	(IS_GROUPED_REL(joinrel) || IS_GROUPED_REL(outer) || IS_GROUPED_REL(inner) || \
	 RELATION_WAS_MADE_UNIQUE(inner, sjinfo, jointype))
#else
#define TT_JOIN_OF_DERIVED(joinrel, outer, inner, sjinfo, jointype) false
#endif
/* clang-format on */

/* which outer joins may have made a value NULL, from 16 on */
#if PG_VERSION_NUM >= 160000
#define TT_COPY_VAR_NULLING(to, from) \
	((to)->varnullingrels = bms_copy((from)->varnullingrels))
#define TT_COPY_PLACEHOLDER_NULLING(to, from) \
	((to)->phnullingrels = bms_copy((from)->phnullingrels))
#else
#define TT_COPY_VAR_NULLING(to, from)		  ((void) (from))
#define TT_COPY_PLACEHOLDER_NULLING(to, from) ((void) (from))
#endif

/* GROUP BY, without what is the same in all rows (from 16 on) */
#if PG_VERSION_NUM >= 160000
#define TT_GROUP_CLAUSE(root) ((root)->processed_groupClause)
#else
#define TT_GROUP_CLAUSE(root) ((root)->parse->groupClause)
#endif

/* the direction of a sort key */
#if PG_VERSION_NUM >= 180000
#define TT_PATHKEY_DESCENDING(key) ((key)->pk_cmptype == COMPARE_GT)
#else
#define TT_PATHKEY_DESCENDING(key) ((key)->pk_strategy == BTGreaterStrategyNumber)
#endif

/* what a row comparison compares by: <, <=, > or >=, as a btree strategy */
#if PG_VERSION_NUM >= 180000
#define TT_ROW_COMPARISON(expr) ((int) (expr)->cmptype)
#else
#define TT_ROW_COMPARISON(expr) ((int) (expr)->rctype)
#endif

/* functions that do not return */
#if PG_VERSION_NUM >= 180000
#define TT_NORETURN pg_noreturn
#else
#define TT_NORETURN __attribute__((noreturn))
#endif

/* whose privileges a foreign scan runs with: InvalidOid is the current user */
#if PG_VERSION_NUM >= 160000
#define TT_SCAN_USER(plan_, estate) ((plan_)->checkAsUser)
#else
#define TT_SCAN_USER(plan_, estate)                                                       \
	(exec_rt_fetch((plan_)->scan.scanrelid > 0 ? (int) (plan_)->scan.scanrelid            \
											   : bms_next_member((plan_)->fs_relids, -1), \
				   estate)                                                                \
		 ->checkAsUser)
#endif

/* the first table that a foreign scan of an upper relation stands for */
#if PG_VERSION_NUM >= 160000
#define TT_SCANNED_INDEX(plan_) bms_next_member((plan_)->fs_base_relids, -1)
#else
#define TT_SCANNED_INDEX(plan_) bms_next_member((plan_)->fs_relids, -1)
#endif
#if PG_VERSION_NUM >= 180000
#define TT_SCANNED_RELATION(estate, index) ExecGetRangeTableRelation(estate, index, false)
#else
#define TT_SCANNED_RELATION(estate, index) ExecGetRangeTableRelation(estate, index)
#endif

/* which arms of an Append or MergeAppend are pruned when; NULL: none */
#if PG_VERSION_NUM >= 180000
#define TT_PRUNE_INFO(stmt, append) \
	((append)->part_prune_index < 0 \
		 ? NULL                     \
		 : list_nth_node(PartitionPruneInfo, (stmt)->partPruneInfos, (append)->part_prune_index))
#else
#define TT_PRUNE_INFO(stmt, append) ((append)->part_prune_info)
#endif

/* a join for the rows of the inner side that have no partner */
#if PG_VERSION_NUM >= 160000
#define TT_IS_RIGHT_ANTI(jointype) ((jointype) == JOIN_RIGHT_ANTI)
#else
#define TT_IS_RIGHT_ANTI(jointype) false
#endif

/* the hook around the executor lost an argument */
#if PG_VERSION_NUM >= 180000
#define TT_EXECUTOR_RUN_PARAMS QueryDesc *query, ScanDirection direction, uint64 count
#define TT_EXECUTOR_RUN_ARGS   query, direction, count
#else
#define TT_EXECUTOR_RUN_PARAMS \
	QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define TT_EXECUTOR_RUN_ARGS query, direction, count, execute_once
#endif

/* access rights of a foreign server */
#if PG_VERSION_NUM >= 160000
#define TT_SERVER_ACLCHECK(server, user, mode) \
	object_aclcheck(ForeignServerRelationId, server, user, mode)
#else
#define TT_SERVER_ACLCHECK(server, user, mode) \
	pg_foreign_server_aclcheck(server, user, mode)
#endif

/* access rights of a schema, and the owner of a relation */
#if PG_VERSION_NUM >= 160000
#define TT_SCHEMA_ACLCHECK(schema, user, mode) \
	object_aclcheck(NamespaceRelationId, schema, user, mode)
#define TT_OWNS_RELATION(relation, user) object_ownercheck(RelationRelationId, relation, user)
#else
#define TT_SCHEMA_ACLCHECK(schema, user, mode) pg_namespace_aclcheck(schema, user, mode)
#define TT_OWNS_RELATION(relation, user)	   pg_class_ownercheck(relation, user)
#endif

/* makeJsonLexContextCstringLen() takes the context from 17 on */
#if PG_VERSION_NUM >= 170000
#define TT_MAKE_JSON_LEX(json, length, encoding, escapes) \
	makeJsonLexContextCstringLen(NULL, json, length, encoding, escapes)
#else
#define TT_MAKE_JSON_LEX(json, length, encoding, escapes) \
	makeJsonLexContextCstringLen(json, length, encoding, escapes)
#endif

/* shared memory without preloading: a named segment, or a corner of the main one */
#if PG_VERSION_NUM >= 170000
#define TT_HAVE_NAMED_DSM_SEGMENT 1
#include "storage/dsm_registry.h"
#else
#include "storage/lwlock.h"
#include "storage/shmem.h"
#endif

#if PG_VERSION_NUM >= 190000
static inline void
tt_init_shared(void *memory, void *init)
{
	(*(void (**)(void *)) init)(memory);
}
#endif

/* A piece of memory shared by all backends, made by init() if it is new. */
static inline void *
tt_shared_memory(const char *name, Size size, void (*init)(void *))
{
	void *memory;
	bool  found;

#if PG_VERSION_NUM >= 190000
	memory = GetNamedDSMSegment(name, size, tt_init_shared, &found, &init);
#elif defined(TT_HAVE_NAMED_DSM_SEGMENT)
	memory = GetNamedDSMSegment(name, size, init, &found);
#else
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct(name, size, &found);
	if (!found)
		init(memory);
	LWLockRelease(AddinShmemInitLock);
#endif
	return memory;
}

/* a tranche of locks has its name from the beginning, in every backend, from 19 on */
#if PG_VERSION_NUM >= 190000
#include "storage/lwlock.h"
#define LWLockNewTrancheId()			LWLockNewTrancheId("tiktok_fdw")
#define LWLockRegisterTranche(id, name) ((void) (id))
#endif

/* conversions that say of a value out of range that it is: *overflow is not 0 then */
#if PG_VERSION_NUM >= 190000
#include "nodes/miscnodes.h"
#include "utils/date.h"
#include "utils/timestamp.h"

static inline TimestampTz
date2timestamptz_opt_overflow(DateADT day, int *overflow)
{
	ErrorSaveContext failure = {.type = T_ErrorSaveContext};
	TimestampTz		 when = date2timestamptz_safe(day, (Node *) &failure);

	*overflow = failure.error_occurred;
	return when;
}

static inline TimestampTz
timestamp2timestamptz_opt_overflow(Timestamp local, int *overflow)
{
	ErrorSaveContext failure = {.type = T_ErrorSaveContext};
	TimestampTz		 when = timestamp2timestamptz_safe(local, (Node *) &failure);

	*overflow = failure.error_occurred;
	return when;
}
#endif

/* the next case is meant, too: from 19 on a comment does not say so */
#if defined(__has_attribute)
#if __has_attribute(fallthrough)
#define TT_FALLTHROUGH __attribute__((fallthrough))
#endif
#endif
#ifndef TT_FALLTHROUGH
#define TT_FALLTHROUGH ((void) 0)
#endif

/* ANALYZE's delay point takes an argument from 18 on */
#if PG_VERSION_NUM >= 180000
#define TT_VACUUM_DELAY_POINT() vacuum_delay_point(true)
#else
#define TT_VACUUM_DELAY_POINT() vacuum_delay_point()
#endif

/* ANALYZE takes statistics from elsewhere */
#if PG_VERSION_NUM >= 190000
#define TT_HAVE_IMPORT_STATISTICS 1
#include "statistics/statistics.h"
#include "utils/rel.h"

/* one page: the planner has no use for pages here */
static inline bool
tt_import_row_count(Relation relation, double rows)
{
	NullableDatum none = {.isnull = true};
	NullableDatum pages = {.value = UInt32GetDatum(1)};
	NullableDatum tuples = {.value = Float4GetDatum((float4) rows)};

	return import_relation_statistics(relation, &none, &pages, &tuples, &none, &none);
}
#endif

/* what an extension says of a plan as a whole in EXPLAIN */
#if PG_VERSION_NUM >= 180000
#define TT_HAVE_EXPLAIN_PLAN_HOOK 1
#endif

/* named wait events of extensions */
#if PG_VERSION_NUM >= 170000
#define TT_HAVE_NAMED_WAIT_EVENTS 1
#endif

#if PG_VERSION_NUM >= 180000
/* NOLINTNEXTLINE(bugprone-macro-parentheses): constants of an initializer */
#define TT_MODULE_MAGIC(name_, version_) PG_MODULE_MAGIC_EXT(.name = name_, .version = version_)
#else
#define TT_MODULE_MAGIC(name_, version_) PG_MODULE_MAGIC
#endif

#endif /* TT_COMPAT_H */

/*
 * libcurl, for those who included <curl/curl.h> before this file.  Options are
 * enum values there, which #ifdef cannot see: hence the version numbers.
 */
#if defined(LIBCURL_VERSION_NUM) && !defined(TT_COMPAT_CURL_H)
#define TT_COMPAT_CURL_H

/* 7.80: a callback right before a request goes out on its connection */
#if LIBCURL_VERSION_NUM >= 0x075000
#define TT_HAVE_CURL_PREREQ 1
#endif

/* 7.85: names of protocols instead of bits */
#if LIBCURL_VERSION_NUM >= 0x075500
#define TT_CURLOPT_PROTOCOLS   CURLOPT_PROTOCOLS_STR
#define TT_CURL_HTTPS		   "https"
#define TT_CURL_HTTP_AND_HTTPS "http,https"
#else
#define TT_CURLOPT_PROTOCOLS   CURLOPT_PROTOCOLS
#define TT_CURL_HTTPS		   ((long) CURLPROTO_HTTPS)
#define TT_CURL_HTTP_AND_HTTPS ((long) (CURLPROTO_HTTP | CURLPROTO_HTTPS))
#endif

/*
 * 7.87: giving up a transfer need not wait for its name look-up; the parsed
 * certificates are kept with the multi handle, for a time that can be set.
 */
#if LIBCURL_VERSION_NUM >= 0x075700
#define TT_HAVE_CURL_QUICK_EXIT 1
#define TT_HAVE_CURL_CA_CACHE	1
#endif

#endif /* TT_COMPAT_CURL_H */
