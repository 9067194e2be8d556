-- History: what was said in a chat. Each function is one transaction, called by name through PostgREST. All that are
-- called so give {"answer": ...}: whatever else a caller gets is not from here.

begin;

-- Add the turns of one memo: [{"role", "text", "language", "at"}, ...]. A turn that is there already stays as it is.
create or replace function public.voicememo_remember(p_chat_id text, p_message_id text, p_turns jsonb)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '5s'
as $$
begin
    if jsonb_array_length(p_turns) = 0 then
        return jsonb_build_object('answer', 'done');
    end if;
    -- The chat's row is locked by this, so that the turns of two memos do not mix.
    insert into public.voicememo_conversations as chat (chat_id, begun_at, latest_at)
    select p_chat_id, min((turn ->> 'at')::timestamptz), max((turn ->> 'at')::timestamptz)
    from jsonb_array_elements(p_turns) as turn
    on conflict (chat_id) do update set latest_at = greatest(chat.latest_at, excluded.latest_at);

    insert into public.voicememo_messages (chat_id, message_id, role, text, language, at)
    select
        p_chat_id, p_message_id, turn ->> 'role', turn ->> 'text', turn ->> 'language', (turn ->> 'at')::timestamptz
    from jsonb_array_elements(p_turns) with ordinality as turns (turn, number)
    order by number
    on conflict do nothing;
    return jsonb_build_object('answer', 'done');
end
$$;

-- Give the last turns of a chat, oldest first.
create or replace function public.voicememo_recent(p_chat_id text, p_limit integer)
returns jsonb
language sql
stable
set search_path = ''
as $$
    select jsonb_build_object('answer', coalesce(
        jsonb_agg(
            jsonb_build_object('role', role, 'text', text, 'language', language, 'at', at) order by sequence
        ),
        '[]'
    ))
    from (
        select sequence, role, text, language, at from public.voicememo_messages
        where chat_id = p_chat_id order by sequence desc limit p_limit
    ) as newest
$$;

-- Name the migrations that were applied.
create or replace function public.voicememo_versions()
returns jsonb
language sql
stable
set search_path = ''
as $$
    select jsonb_build_object('answer', coalesce(jsonb_agg(version order by version), '[]'))
    from public.voicememo_schema_versions
$$;

insert into public.voicememo_schema_versions (version) values (2) on conflict do nothing;

commit;
