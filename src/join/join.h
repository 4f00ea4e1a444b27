/*
 * join.h
 *	  Batched joins: a custom scan that hands the keys of a join to a foreign scan
 *	  many at a time.
 *
 * PostgreSQL's nested loop asks for each key by itself, its other joins read the
 * whole table.  Here rows of the other side are collected, their keys become one
 * condition of the foreign scan ("id = ANY (keys)"), and its rows are joined with
 * those that were collected.
 */
#ifndef TT_JOIN_H
#define TT_JOIN_H

#include "postgres.h"

/* when the library is loaded: the planner's hook, and the node's name */
extern void tt_join_define(void);

#endif /* TT_JOIN_H */
