-- What the archive is compared with (`sentientiq archive verify`): rows of each tenant and hour, and
-- the sum of their hashes, as services/pipeline/fingerprints.py computes them. Pointer moves stand
-- apart, because they are not kept as long. The tenant * means all; only the mesh may name it.
-- default from: 1970-01-01 00:00:00
-- default to: 2100-01-01 00:00:00
SELECT
    tenant_id,
    source,
    formatDateTime(toStartOfHour(t), '%Y-%m-%dT%H', 'UTC') AS hour,
    moves,
    count() AS rows,
    sum(reinterpretAsUInt64(substring(SHA256(arrayStringConcat(words, '\x1f')), 1, 8))) AS hash
FROM (
    SELECT 'events' AS source, tenant_id, t, type = 'pointer_move' AS moves,
        [
            toString(session_id), toString(stream_id), toString(seq), toString(edge_offset),
            toString(idx), toString(type), toString(page), toString(pointer), toString(target),
            toString(target_flags), toString(text), toString(text2),
            ifNull(toString(reinterpretAsUInt32(a)), ''),
            ifNull(toString(reinterpretAsUInt32(b)), ''),
            ifNull(toString(reinterpretAsUInt32(c)), ''),
            ifNull(toString(reinterpretAsUInt32(d)), ''),
            ifNull(toString(reinterpretAsUInt32(e)), '')
        ] AS words
    FROM sentientiq.events FINAL
    WHERE t >= {from:DateTime64(3, 'UTC')} AND t < {to:DateTime64(3, 'UTC')}
        AND ({tenant:String} = '*' OR tenant_id = {tenant:String})
    UNION ALL
    SELECT 'identifies' AS source, tenant_id, t, false AS moves,
        [
            toString(session_id), toString(stream_id), toString(seq), toString(key_id),
            toString(sealed_bytes)
        ] AS words
    FROM sentientiq.identifies FINAL
    WHERE t >= {from:DateTime64(3, 'UTC')} AND t < {to:DateTime64(3, 'UTC')}
        AND ({tenant:String} = '*' OR tenant_id = {tenant:String})
    UNION ALL
    SELECT 'emotions' AS source, tenant_id, t, false AS moves,
        [
            toString(id), toString(rev), toString(session_id), toString(stream_id),
            toString(emotion), toString(confidence), toString(trigger), toString(page),
            toString(element), toString(section), toString(calibration), toString(user_id)
        ] AS words
    FROM sentientiq.emotions FINAL
    WHERE t >= {from:DateTime64(3, 'UTC')} AND t < {to:DateTime64(3, 'UTC')}
        AND ({tenant:String} = '*' OR tenant_id = {tenant:String})
    UNION ALL
    SELECT 'decisions' AS source, tenant_id, t, false AS moves,
        [
            toString(id), toString(session_id), toString(emotion_id), toString(emotion_rev),
            toString(emotion), toString(confidence), toString(action), toString(reason),
            toString(rule), toString(policy_version), toString(intervention_id),
            toString(intervention_type), toString(template), toString(variant),
            toString(person_id), toString(value_currency), ifNull(toString(value_minor), ''),
            toString(assurance), toString(user_id), toString(company), toString(path)
        ] AS words
    FROM sentientiq.decisions FINAL
    WHERE t >= {from:DateTime64(3, 'UTC')} AND t < {to:DateTime64(3, 'UTC')}
        AND ({tenant:String} = '*' OR tenant_id = {tenant:String})
    UNION ALL
    SELECT 'outcomes' AS source, tenant_id, t, false AS moves,
        [
            toString(id), toString(session_id), toString(decision_id),
            toString(intervention_id), toString(kind), toString(person_id), toString(channel),
            toString(detail)
        ] AS words
    FROM sentientiq.outcomes FINAL
    WHERE t >= {from:DateTime64(3, 'UTC')} AND t < {to:DateTime64(3, 'UTC')}
        AND ({tenant:String} = '*' OR tenant_id = {tenant:String})
)
GROUP BY tenant_id, source, hour, moves
ORDER BY tenant_id, source, hour, moves
