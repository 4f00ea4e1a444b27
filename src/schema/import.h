/*
 * import.h
 *	  IMPORT FOREIGN SCHEMA.
 */
#ifndef TT_IMPORT_H
#define TT_IMPORT_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/* FDW callback: CREATE FOREIGN TABLE statements as strings */
extern List *tiktokImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverid);

#endif /* TT_IMPORT_H */
