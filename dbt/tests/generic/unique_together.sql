-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

{% test unique_together(model, columns) %}
select {{ columns | join(', ') }}, count(*) as rows
from {{ model }}
group by all
having count(*) > 1
{% endtest %}
