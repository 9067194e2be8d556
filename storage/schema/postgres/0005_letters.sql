-- Dead letters: written with the end of their memo, and taken again and again until the topic has them.

begin;

-- Write a letter that is to be published; where its place has one, write it again, or leave that alone. Whoever writes
-- it has 30 seconds to publish it before others do (LETTER_SECONDS in storage/ledger.py).
create or replace function public.voicememo_write_letter(
    p_letter jsonb, p_event jsonb, p_value text, p_first_at timestamptz, p_again boolean
)
returns void
language plpgsql
set search_path = ''
as $$
declare
    moment timestamptz := public.voicememo_now();
begin
    insert into public.voicememo_dead_letters as letter (
        topic, partition, "offset", event_at, event_headers, event_key, event_value,
        reason, stage, chat_id, message_id, attempts, digest, fence, first_at, at, publish_after
    ) values (
        p_event ->> 'topic', (p_event ->> 'partition')::integer, (p_event ->> 'offset')::bigint,
        to_timestamp((p_event ->> 'at')::double precision), p_event -> 'headers',
        decode(p_event ->> 'key', 'base64'), decode(p_value, 'base64'),
        p_letter ->> 'reason', p_letter ->> 'stage', p_letter ->> 'chat_id', p_letter ->> 'message_id',
        (p_letter ->> 'attempts')::integer, p_letter ->> 'digest', (p_letter ->> 'fence')::bigint,
        p_first_at, moment, moment + interval '30 seconds'
    )
    on conflict (topic, partition, "offset") do update
    set event_at = excluded.event_at, event_headers = excluded.event_headers, event_key = excluded.event_key,
        event_value = excluded.event_value, reason = excluded.reason, stage = excluded.stage,
        chat_id = excluded.chat_id, message_id = excluded.message_id, attempts = excluded.attempts,
        digest = excluded.digest, fence = excluded.fence, at = excluded.at, publish_after = excluded.publish_after
    where p_again;
end
$$;

-- Keep with a memo the event that its newest letter has, unless it has its own; say whether it has one then.
create or replace function public.voicememo_event_restored(p_chat_id text, p_message_id text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
    if exists (
        select from public.voicememo_events where chat_id = p_chat_id and message_id = p_message_id
    ) then
        return true;
    end if;
    insert into public.voicememo_events (chat_id, message_id, topic, partition, "offset", at, headers, key, value)
    select chat_id, message_id, topic, partition, "offset", event_at, event_headers, event_key, event_value
    from public.voicememo_dead_letters
    where chat_id = p_chat_id and message_id = p_message_id
    order by sequence desc limit 1;
    return found;
end
$$;

-- Keep the letter of an event that is no memo, once.
create or replace function public.voicememo_bury(p_letter jsonb, p_event jsonb, p_value text)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
begin
    perform public.voicememo_write_letter(p_letter, p_event, p_value, public.voicememo_now(), false);
    return jsonb_build_object('answer', 'done');
end
$$;

create or replace function public.voicememo_letter(p_letter public.voicememo_dead_letters, p_whole boolean)
returns json
language sql
stable
set search_path = ''
as $$
    select json_build_object(
        'topic', p_letter.topic,
        'partition', p_letter.partition,
        'offset', p_letter."offset",
        'at', public.voicememo_seconds(p_letter.event_at),
        'headers', case when p_whole then p_letter.event_headers else '[]' end,
        'key', case when p_whole then encode(p_letter.event_key, 'base64') end,
        'value', case when p_whole then encode(p_letter.event_value, 'base64') end,
        'reason', p_letter.reason,
        'stage', p_letter.stage,
        'chat_id', p_letter.chat_id,
        'message_id', p_letter.message_id,
        'attempts', p_letter.attempts,
        'digest', p_letter.digest,
        'first_at', public.voicememo_seconds(p_letter.first_at),
        'fence', p_letter.fence
    )
$$;

-- Take letters that the topic may not have, oldest first, one taker at a time; no more than 16 MiB of them at once, but
-- always one.
create or replace function public.voicememo_unpublished(p_limit integer, p_seconds double precision)
returns json
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    moment timestamptz;
    letters json;
begin
    perform pg_advisory_xact_lock(hashtextextended('voicememo letters', 0));
    moment := public.voicememo_now();
    with late as (
        select sequence, coalesce(octet_length(event_value), 0) as size
        from public.voicememo_dead_letters
        where publish_after <= moment order by sequence limit p_limit for update
    ),
    measured as (
        select sequence, sum(size) over (order by sequence) - size as before from late
    ),
    taken as (
        update public.voicememo_dead_letters as letter
        set publish_after = moment + make_interval(secs => p_seconds)
        from measured where letter.sequence = measured.sequence and measured.before < 16777216
        returning letter.sequence, letter
    )
    select coalesce(json_agg(public.voicememo_letter(letter, true) order by sequence), '[]')
    into letters from taken;
    return json_build_object('answer', letters);
end
$$;

-- Note that the topic has a letter, unless it was written again.
create or replace function public.voicememo_published(
    p_topic text, p_partition integer, p_offset bigint, p_fence bigint
)
returns jsonb
language sql
set search_path = ''
set lock_timeout = '5s'
as $$
    update public.voicememo_dead_letters set publish_after = null
    where topic = p_topic and partition = p_partition and "offset" = p_offset and fence = p_fence;
    select jsonb_build_object('answer', 'done')
$$;

-- Give the newest letters first, without what their events say.
create or replace function public.voicememo_letters(p_limit integer)
returns json
language sql
stable
set search_path = ''
as $$
    select json_build_object(
        'answer', coalesce(json_agg(public.voicememo_letter(letter, false) order by sequence desc), '[]')
    )
    from (
        select sequence, letter from public.voicememo_dead_letters as letter order by sequence desc limit p_limit
    ) as newest
$$;

insert into public.voicememo_schema_versions (version) values (5) on conflict do nothing;

commit;
