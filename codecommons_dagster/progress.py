# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a person at a terminal sees of a run in progress: the steps' own lines, and nothing of Dagster's."""

from __future__ import annotations

import logging

import dagster as dg


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        meta = getattr(record, "dagster_meta", {})
        return str(meta.get("orig_message") or record.getMessage())


@dg.logger(config_schema={"level": dg.Field(str, default_value="INFO")}, description="The steps' own messages, plain.")
def progress(init_context: dg.InitLoggerContext) -> logging.Logger:
    """Log messages of steps to standard error, without Dagster's events."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    handler.addFilter(lambda record: not getattr(record, "dagster_meta", {}).get("dagster_event"))
    logger = logging.Logger("codecommons", level=init_context.logger_config["level"])
    logger.addHandler(handler)
    return logger
