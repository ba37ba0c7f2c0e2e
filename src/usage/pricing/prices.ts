/**
 * Prices of language models, written by local/build/model-prices.ts from @pydantic/genai-prices; not edited by hand.
 *
 * `# provider as NAMES by MODELS also PROVIDERS` opens a provider: what else it is called, the models that mean it when no
 * provider is given, and where else its models are looked up. Then one line for each model: its id, the names it goes by
 * (any of them; `=` is the id), and its prices. A name is a literal, `begins*`, `*ends`, `*contains*` or `/a regular
 * expression/`; `a&b` must both fit.
 *
 * A price is `input/output/cached input/written to a cache/audio input/audio output` in US dollars per million tokens; what
 * is empty or absent of cached input and of what is written costs as much as other input, and audio has no price. `>272000:…` is the price of everything in a request with more input tokens than that. `2026-08-21=…`
 * holds from that day (UTC) and `01:00-04:00=…` daily between those times; the last that applies decides, the first if
 * none does. `-` is a model whose tokens have no price of their own.
 *
 * The data is Copyright (c) Pydantic Services Inc. 2025 to present, under the MIT License.
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
 * documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
 * rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
 * persons to whom the Software is furnished to do so, subject to the following conditions: The above copyright notice and
 * this permission notice shall be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED
 * "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
 * MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS
 * BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 */
/* oxlint-disable max-lines -- it is data: a line for each model */

/** What the prices were taken from. */
export const SOURCE = '@pydantic/genai-prices 0.1.8'

/** The day on which that was released: prices that changed later are not in it. */
export const CHECKED_AT = '2026-09-23'

export const TABLE = String.raw`
# anthropic as *anthropic* by *claude*
claude-2 claude-2*,*claude-v2* 8/24
claude-3-5-haiku-latest claude-3-5-haiku*,claude-3.5-haiku* 0.8/4/0.08/1
claude-3-5-sonnet claude-3-5-sonnet*,claude-3.5-sonnet* 3/15/0.3/3.75
claude-3-7-sonnet-latest claude-3-7-sonnet*,claude-3.7-sonnet*,claude-sonnet-3.7*,claude-sonnet-3-7* 3/15/0.3/3.75
claude-3-haiku claude-3-haiku* 0.25/1.25/0.03/0.3
claude-3-opus-latest claude-3-opus* 15/75/1.5/18.75
claude-3-sonnet claude-3-sonnet* 3/15/0.3/3.75
claude-fable-5 =,/^claude-fable-5-\d{8}$/ 10/50/1/12.5
claude-fable-5-1 =,/^claude-fable-5-1-\d{8}$/ 10/50/0.25/12.5
claude-haiku-4-5 claude-haiku-4-5*,claude-haiku-4.5*,claude-4-5-haiku*,claude-4.5-haiku* 1/5/0.1/1.25
claude-opus-4-0 claude-opus-4-0*,claude-4-opus*,claude-opus-4,claude-opus-4-20250514 15/75/1.5/18.75
claude-opus-4-1 claude-opus-4-1*,claude-opus-4.1* 15/75/1.5/18.75
claude-opus-4-5 claude-opus-4-5*,claude-opus-4.5*,claude-4-5-opus*,claude-4.5-opus* 5/25/0.5/6.25
claude-opus-4-6 claude-opus-4-6*,claude-opus-4.6*,claude-4-6-opus*,claude-4.6-opus* 5/25/0.5/6.25>200000:10/37.5/1/12.5 2026-03-13=5/25/0.5/6.25
claude-opus-4-7 claude-opus-4-7*,claude-opus-4.7*,claude-4-7-opus*,claude-4.7-opus* 5/25/0.5/6.25
claude-opus-4-8 claude-opus-4-8*,claude-opus-4.8*,claude-4-8-opus*,claude-4.8-opus* 5/25/0.5/6.25
claude-opus-5 =,/^claude-opus-5-\d{8}$/,claude-opus-5.0*,claude-5-opus*,claude-5.0-opus* 5/25/0.5/6.25
claude-opus-5-5 =,/^claude-opus-5-5-\d{8}$/,claude-opus-5.5*,claude-5-5-opus*,claude-5.5-opus* 4/20/0.2/5
claude-sonnet-4-0 claude-sonnet-4-2025*,claude-sonnet-4-0*,claude-sonnet-4@*,claude-sonnet-4,claude-4-sonnet* 3/15/0.3/3.75
claude-sonnet-4-5 claude-sonnet-4-5*,claude-sonnet-4.5* 3/15/0.3/3.75>200000:6/22.5/0.6/7.5
claude-sonnet-4-6 claude-sonnet-4-6*,claude-sonnet-4.6* 3/15/0.3/3.75>200000:6/22.5/0.6/7.5 2026-03-13=3/15/0.3/3.75
claude-sonnet-5 claude-sonnet-5*,claude-sonnet-5.0*,claude-5-sonnet*,claude-5.0-sonnet* 2/10/0.2/2.5
claude-v1 = 8/24
# aws as *bedrock*,*amazon*
amazon.nova-2-sonic-v1:0 *amazon.nova-2-sonic* 0.33/2.75///3/12
amazon.nova-lite-v1:0 *amazon.nova-lite* 0.06/0.24/0.015
amazon.nova-micro-v1:0 *amazon.nova-micro* 0.035/0.14/0.00875
amazon.nova-premier-v1:0 *amazon.nova-premier* 2.5/12.5/0.625
amazon.nova-pro-v1:0 *amazon.nova-pro* 0.8/3.2/0.2
amazon.nova-sonic-v1:0 *amazon.nova-sonic* 0.06/0.24///3.4/13.6
amazon.titan-embed-text-v1 *amazon.titan-embed-text* 0.1/0
amazon.titan-text-express-v1 *titan-text-express* 0.2/0.6
amazon.titan-text-lite-v1 *titan-text-lite* 0.15/0.2
deepseek.r1-v1:0 *deepseek.r1* 1.35/5.4
global.amazon.nova-2-lite-v1:0 *global.amazon.nova-2-lite* 0.3/2.5/0.075
global.anthropic.claude-fable-5-1-v1:0 *global.anthropic.claude-fable-5-1,*global.anthropic.claude-fable-5-1-v1* 10/50/0.25/12.5
global.anthropic.claude-fable-5-v1:0 *global.anthropic.claude-fable-5,*global.anthropic.claude-fable-5-v1* 10/50/1/12.5
global.anthropic.claude-haiku-4-5-20251001-v1:0 *global.anthropic.claude-haiku-4-5-20251001* 1/5/0.1/1.25
global.anthropic.claude-opus-4-5-v1:0 *global.anthropic.claude-opus-4-5* 5/25/0.5/6.25
global.anthropic.claude-opus-4-6-v1:0 *global.anthropic.claude-opus-4-6* 5/25/0.5/6.25
global.anthropic.claude-opus-4-7-v1:0 *global.anthropic.claude-opus-4-7* 5/25/0.5/6.25
global.anthropic.claude-opus-4-8-v1:0 *global.anthropic.claude-opus-4-8* 5/25/0.5/6.25
global.anthropic.claude-opus-5 *global.anthropic.claude-opus-5,*global.anthropic.claude-opus-5-v1* 5/25/0.5/6.25
global.anthropic.claude-opus-5-5 *global.anthropic.claude-opus-5-5,*global.anthropic.claude-opus-5-5-v1* 4/20/0.2/5
global.anthropic.claude-sonnet-4-20250514-v1:0 *global.anthropic.claude-sonnet-4-20250514* 3/15/0.3/3.75
global.anthropic.claude-sonnet-4-5-20250929-v1:0 *global.anthropic.claude-sonnet-4-5-20250929* 3/15/0.3/3.75
global.anthropic.claude-sonnet-4-6-v1:0 *global.anthropic.claude-sonnet-4-6* 3/15/0.3/3.75
global.anthropic.claude-sonnet-5-v1:0 *global.anthropic.claude-sonnet-5* 2/10/0.2/2.5
global.openai.gpt-5.6-luna *global.openai.gpt-5.6-luna* 0.2/1.2/0.02/0.25>271999:0.4/1.8/0.04/0.5
global.openai.gpt-5.6-sol *global.openai.gpt-5.6-sol* 5/30/0.5/6.25>271999:10/45/1/12.5 2026-08-21=4/20/0.4/5>271999:8/30/0.8/10
global.openai.gpt-5.6-terra *global.openai.gpt-5.6-terra* 2/12/0.2/2.5>271999:4/18/0.4/5
google.gemma-3-12b-it *google.gemma-3-12b-it* 0.09/0.29
google.gemma-3-27b-it *google.gemma-3-27b-it* 0.23/0.38
google.gemma-3-4b-it *google.gemma-3-4b-it* 0.04/0.08
meta.llama3-1-70b-instruct-v1:0 *meta.llama3-1-70b-instruct* 0.72/0.72
meta.llama3-1-8b-instruct-v1:0 *meta.llama3-1-8b-instruct* 0.22/0.22
meta.llama3-2-11b-instruct-v1:0 *meta.llama3-2-11b-instruct* 0.16/0.16
meta.llama3-2-1b-instruct-v1:0 *meta.llama3-2-1b-instruct* 0.1/0.1
meta.llama3-2-3b-instruct-v1:0 *meta.llama3-2-3b-instruct* 0.15/0.15
meta.llama3-2-90b-instruct-v1:0 *meta.llama3-2-90b-instruct* 0.72/0.72
meta.llama3-3-70b-instruct-v1:0 *meta.llama3-3-70b-instruct* 0.72/0.72
meta.llama3-70b-instruct-v1:0 *meta.llama3-70b-instruct* 2.65/3.5
meta.llama3-8b-instruct-v1:0 *meta.llama3-8b-instruct* 0.3/0.6
meta.llama4-maverick-17b-instruct-v1:0 *meta.llama4-maverick-17b-instruct* 0.24/0.97
meta.llama4-scout-17b-instruct-v1:0 *meta.llama4-scout-17b-instruct* 0.17/0.66
mistral.devstral-2-123b *mistral.devstral-2-123b* 0.4/2
mistral.magistral-small-2509 *mistral.magistral-small-2509* 0.5/1.5
mistral.ministral-3-14b-instruct *mistral.ministral-3-14b-instruct* 0.2/0.2
mistral.ministral-3-3b-instruct *mistral.ministral-3-3b-instruct* 0.1/0.1
mistral.ministral-3-8b-instruct *mistral.ministral-3-8b-instruct* 0.15/0.15
mistral.mistral-7b-instruct-v0:2 *mistral.mistral-7b-instruct-v0* 0.15/0.2
mistral.mistral-large-2402-v1:0 *mistral.mistral-large-2402* 4/12
mistral.mistral-large-3-675b-instruct *mistral.mistral-large-3-675b-instruct* 0.5/1.5
mistral.mistral-small-2402-v1:0 *mistral.mistral-small-2402* 1/3
mistral.mixtral-8x7b-instruct-v0:1 *mistral.mixtral-8x7b-instruct-v0* 0.45/0.7
mistral.pixtral-large-2502-v1:0 *mistral.pixtral-large-2502* 2/6
mistral.voxtral-mini-3b-2507 *mistral.voxtral-mini-3b-2507* 0.04/0.04
mistral.voxtral-small-24b-2507 *mistral.voxtral-small-24b-2507* 0.1/0.3
nvidia.nemotron-nano-3-30b:0 *nvidia.nemotron-nano-3-30b* 0.06/0.24
nvidia.nemotron-nano-9b-v2:0 *nvidia.nemotron-nano-9b-v2* 0.06/0.23
nvidia.nemotron-super-3-120b:0 *nvidia.nemotron-super-3-120b* 0.15/0.65
openai.gpt-5.4 = 2.75/16.5/0.275
openai.gpt-5.5 = 5.5/33/0.55
openai.gpt-oss-120b-1:0 *openai.gpt-oss-120b-1* 0.15/0.6
openai.gpt-oss-20b-1:0 *openai.gpt-oss-20b-1* 0.07/0.3
qwen.qwen3-32b-v1:0 *qwen.qwen3-32b* 0.15/0.6
qwen.qwen3-coder-30b-a3b-v1:0 *qwen.qwen3-coder-30b-a3b* 0.15/0.6
qwen.qwen3-coder-480b-a35b-v1:0 *qwen.qwen3-coder-480b-a35b* 0.45/1.8
qwen.qwen3-vl-235b-a22b-v1:0 *qwen.qwen3-vl-235b-a22b* 0.53/2.66
regional.amazon.nova-2-lite-v1:0 *us.amazon.nova-2-lite*,*eu.amazon.nova-2-lite*,*jp.amazon.nova-2-lite* 0.33/2.75/0.0825
regional.anthropic.claude-3-5-haiku-20241022-v1:0 *claude-3-5-haiku-20241022* 0.8/4/0.08/1
regional.anthropic.claude-3-5-sonnet-20240620-v1:0 *claude-3-5-sonnet-20240620* 3/15/0.3/3.75
regional.anthropic.claude-3-5-sonnet-20241022-v2:0 *claude-3-5-sonnet-20241022* 3/15/0.3/3.75
regional.anthropic.claude-3-7-sonnet-20250219-v1:0 *claude-3-7-sonnet-20250219* 3/15/0.3/3.75
regional.anthropic.claude-3-haiku-20240307-v1:0 *claude-3-haiku-20240307* 0.25/1.25
regional.anthropic.claude-3-opus-20240229-v1:0 *claude-3-opus-20240229* 15/75
regional.anthropic.claude-3-sonnet-20240229-v1:0 *claude-3-sonnet-20240229* 3/15/0.3/3.75
regional.anthropic.claude-fable-5-1-v1:0 anthropic.claude-fable-5-1,claude-fable-5-1,anthropic.claude-fable-5-1-v1*,claude-fable-5-1-v1*,*us.anthropic.claude-fable-5-1-v1* 11/55/0.275/13.75
regional.anthropic.claude-fable-5-v1:0 anthropic.claude-fable-5,claude-fable-5,anthropic.claude-fable-5-v1*,claude-fable-5-v1*,*us.anthropic.claude-fable-5-v1*,*au.anthropic.claude-fable-5-v1*,*eu.anthropic.claude-fable-5-v1*,*jp.anthropic.claude-fable-5-v1* 11/55/1.1/13.75
regional.anthropic.claude-haiku-4-5-20251001-v1:0 anthropic.claude-haiku-4-5-20251001*,claude-haiku-4-5-20251001*,*us.anthropic.claude-haiku-4-5-20251001*,*au.anthropic.claude-haiku-4-5-20251001*,*apac.anthropic.claude-haiku-4-5-20251001*,*eu.anthropic.claude-haiku-4-5-20251001*,*us-gov.anthropic.claude-haiku-4-5-20251001*,*jp.anthropic.claude-haiku-4-5-20251001* 1.1/5.5/0.11/1.375
regional.anthropic.claude-opus-4-1-20250805-v1:0 anthropic.claude-opus-4-1-20250805*,claude-opus-4-1-20250805*,*us.anthropic.claude-opus-4-1-20250805*,*au.anthropic.claude-opus-4-1-20250805*,*apac.anthropic.claude-opus-4-1-20250805*,*eu.anthropic.claude-opus-4-1-20250805*,*us-gov.anthropic.claude-opus-4-1-20250805*,*jp.anthropic.claude-opus-4-1-20250805* 15/75/1.5/18.75
regional.anthropic.claude-opus-4-20250514-v1:0 anthropic.claude-opus-4-20250514*,claude-opus-4-20250514*,*us.anthropic.claude-opus-4-20250514*,*au.anthropic.claude-opus-4-20250514*,*apac.anthropic.claude-opus-4-20250514*,*eu.anthropic.claude-opus-4-20250514*,*us-gov.anthropic.claude-opus-4-20250514*,*jp.anthropic.claude-opus-4-20250514* 15/75/1.5/18.75
regional.anthropic.claude-opus-4-5-v1:0 anthropic.claude-opus-4-5*,claude-opus-4-5*,*us.anthropic.claude-opus-4-5*,*au.anthropic.claude-opus-4-5*,*apac.anthropic.claude-opus-4-5*,*eu.anthropic.claude-opus-4-5*,*us-gov.anthropic.claude-opus-4-5*,*jp.anthropic.claude-opus-4-5* 5.5/27.5/0.55/6.875
regional.anthropic.claude-opus-4-6-v1:0 anthropic.claude-opus-4-6*,claude-opus-4-6*,*us.anthropic.claude-opus-4-6*,*au.anthropic.claude-opus-4-6*,*apac.anthropic.claude-opus-4-6*,*eu.anthropic.claude-opus-4-6*,*us-gov.anthropic.claude-opus-4-6*,*jp.anthropic.claude-opus-4-6* 5.5/27.5/0.55/6.875
regional.anthropic.claude-opus-4-7-v1:0 anthropic.claude-opus-4-7*,claude-opus-4-7*,*us.anthropic.claude-opus-4-7*,*au.anthropic.claude-opus-4-7*,*apac.anthropic.claude-opus-4-7*,*eu.anthropic.claude-opus-4-7*,*us-gov.anthropic.claude-opus-4-7*,*jp.anthropic.claude-opus-4-7* 5.5/27.5/0.55/6.875
regional.anthropic.claude-opus-4-8-v1:0 anthropic.claude-opus-4-8*,claude-opus-4-8*,*us.anthropic.claude-opus-4-8*,*au.anthropic.claude-opus-4-8*,*eu.anthropic.claude-opus-4-8*,*jp.anthropic.claude-opus-4-8* 5.5/27.5/0.55/6.875
regional.anthropic.claude-opus-5 anthropic.claude-opus-5,claude-opus-5,anthropic.claude-opus-5-v1*,claude-opus-5-v1*,us.anthropic.claude-opus-5,au.anthropic.claude-opus-5,eu.anthropic.claude-opus-5,jp.anthropic.claude-opus-5,*us.anthropic.claude-opus-5-v1*,*au.anthropic.claude-opus-5-v1*,*eu.anthropic.claude-opus-5-v1*,*jp.anthropic.claude-opus-5-v1* 5.5/27.5/0.55/6.875
regional.anthropic.claude-opus-5-5 anthropic.claude-opus-5-5,claude-opus-5-5,anthropic.claude-opus-5-5-v1*,claude-opus-5-5-v1*,us.anthropic.claude-opus-5-5,au.anthropic.claude-opus-5-5,eu.anthropic.claude-opus-5-5,jp.anthropic.claude-opus-5-5,*us.anthropic.claude-opus-5-5-v1*,*au.anthropic.claude-opus-5-5-v1*,*eu.anthropic.claude-opus-5-5-v1*,*jp.anthropic.claude-opus-5-5-v1* 4.4/22/0.22/5.5
regional.anthropic.claude-sonnet-4-20250514-v1:0 anthropic.claude-sonnet-4-20250514*,claude-sonnet-4-20250514*,*us.anthropic.claude-sonnet-4-20250514*,*au.anthropic.claude-sonnet-4-20250514*,*apac.anthropic.claude-sonnet-4-20250514*,*eu.anthropic.claude-sonnet-4-20250514*,*us-gov.anthropic.claude-sonnet-4-20250514*,*jp.anthropic.claude-sonnet-4-20250514* 3/15/0.3/3.75
regional.anthropic.claude-sonnet-4-5-20250929-v1:0 anthropic.claude-sonnet-4-5-20250929*,claude-sonnet-4-5-20250929*,*us.anthropic.claude-sonnet-4-5-20250929*,*au.anthropic.claude-sonnet-4-5-20250929*,*apac.anthropic.claude-sonnet-4-5-20250929*,*eu.anthropic.claude-sonnet-4-5-20250929*,*us-gov.anthropic.claude-sonnet-4-5-20250929*,*jp.anthropic.claude-sonnet-4-5-20250929* 3.3/16.5/0.33/4.125
regional.anthropic.claude-sonnet-4-6-v1:0 anthropic.claude-sonnet-4-6*,claude-sonnet-4-6*,*us.anthropic.claude-sonnet-4-6*,*au.anthropic.claude-sonnet-4-6*,*apac.anthropic.claude-sonnet-4-6*,*eu.anthropic.claude-sonnet-4-6*,*us-gov.anthropic.claude-sonnet-4-6*,*jp.anthropic.claude-sonnet-4-6* 3.3/16.5/0.33/4.125
regional.anthropic.claude-sonnet-5-v1:0 anthropic.claude-sonnet-5*,claude-sonnet-5*,*us.anthropic.claude-sonnet-5*,*au.anthropic.claude-sonnet-5*,*apac.anthropic.claude-sonnet-5*,*eu.anthropic.claude-sonnet-5*,*us-gov.anthropic.claude-sonnet-5*,*jp.anthropic.claude-sonnet-5* 2.2/11/0.22/2.75
regional.openai.gpt-5.6-luna openai.gpt-5.6-luna*,gpt-5.6-luna*,*us.openai.gpt-5.6-luna*,*in.openai.gpt-5.6-luna* 1.1/6.6/0.11/1.375 2026-07-30=0.22/1.32/0.022/0.275>271999:0.44/1.98/0.044/0.55
regional.openai.gpt-5.6-sol openai.gpt-5.6-sol*,gpt-5.6-sol*,*us.openai.gpt-5.6-sol* 5.5/33/0.55/6.875>271999:11/49.5/1.1/13.75 2026-08-21=4.4/22/0.44/5.5>271999:8.8/33/0.88/11
regional.openai.gpt-5.6-terra openai.gpt-5.6-terra*,gpt-5.6-terra*,*us.openai.gpt-5.6-terra*,*in.openai.gpt-5.6-terra* 2.75/16.5/0.275/3.4375 2026-07-30=2.2/13.2/0.22/2.75>271999:4.4/19.8/0.44/5.5
writer.palmyra-x4-v1:0 *writer.palmyra-x4* 2.5/10
writer.palmyra-x5-v1:0 *writer.palmyra-x5* 0.6/6
# azure also openai,anthropic,deepseek,x-ai,moonshotai
ada =,text-embedding-ada,text-embedding-ada-002,text-embedding-ada-002-v2 0.1/0
babbage =,babbage-002 0.4/0
curie =,text-curie,text-curie-001 2/0
davinci =,davinci-002,text-davinci,text-davinci-002 2/0
mai-ds-r1:free = 0/0
o1 =,o1-2024-12-17 15/60/7.5
o1-mini =,o1-mini-2024-09-12 1.1/4.4/0.55
o1-preview =,o1-preview-2024-09-12 15/60/7.5
o3-2025-04-16 o3,= 2/8/0.5
o3-mini =,o3-mini-2025-01-31 1.1/4.4/0.55
o4-mini *o4-mini*,*o4-mini-2025-04-16* 1.1/4.4/0.28
phi-3-medium-128k-instruct = 1/1
phi-3-mini-128k-instruct = 0.1/0.1
phi-3.5-mini-128k-instruct = 0.1/0.1
phi-4 = 0.07/0.14
phi-4-mini-instruct = 0.08/0.35
phi-4-multimodal-instruct = 0.05/0.1
phi-4-reasoning-plus = 0.07/0.35
phi-4-reasoning-plus:free = 0/0
phi-4-reasoning:free = 0/0
text-embedding-3-large = 0.13/0
text-embedding-3-small = 0.02/0
wizardlm-2-8x22b = 0.48/0.48
# cerebras as *cerebras* by *cerebras*
gemma-4-31b =,cerebras/gemma-4-31b*,cerebras:gemma-4-31b* 0.99/1.49
gpt-oss-120b =,cerebras/gpt-oss-120b*,cerebras:gpt-oss-120b* 0.35/0.75
llama-3.3-70b =,cerebras/llama-3.3-70b*,cerebras:llama-3.3-70b* 0.85/1.2
llama3.1-8b =,cerebras/llama3.1-8b*,cerebras:llama3.1-8b* 0.1/0.1
qwen-3-32b =,cerebras/qwen-3-32b*,cerebras:qwen-3-32b* 0.4/0.8
zai-glm-4.7 =,cerebras/zai-glm-4.7*,cerebras:zai-glm-4.7* 2.25/2.75
# cloudflare as *cloudflare* by @cf/*
@cf/ai4bharat/indictrans2-en-indic-1b = 0.342/0.342
@cf/aisingapore/gemma-sea-lion-v4-27b-it = 0.351/0.555
@cf/baai/bge-base-en-v1.5 = 0.067/0
@cf/baai/bge-large-en-v1.5 = 0.204/0
@cf/baai/bge-m3 = 0.012/0
@cf/baai/bge-reranker-base = 0.003/0
@cf/baai/bge-small-en-v1.5 = 0.02/0
@cf/deepseek-ai/deepseek-r1-distill-qwen-32b = 0.497/4.881
@cf/deepseek-ai/deepseek-v4-flash-0731 = 0.44/1.32/0.014
@cf/deepseek-ai/deepseek-v4-pro-0813 = 1.32/3.96/0.044
@cf/google/gemma-3-12b-it = 0.345/0.556
@cf/google/gemma-4-26b-a4b-it = 0.1/0.3
@cf/huggingface/distilbert-sst-2-int8 = 0.026/0
@cf/ibm-granite/granite-4.0-h-micro = 0.017/0.112
@cf/meta/llama-2-7b-chat-fp16 = 0.556/6.667
@cf/meta/llama-3-8b-instruct = 0.282/0.827
@cf/meta/llama-3-8b-instruct-awq = 0.123/0.266
@cf/meta/llama-3.1-70b-instruct-fp8-fast = 0.293/2.253
@cf/meta/llama-3.1-8b-instruct = 0.282/0.827
@cf/meta/llama-3.1-8b-instruct-awq = 0.123/0.266
@cf/meta/llama-3.1-8b-instruct-fp8 = 0.152/0.287
@cf/meta/llama-3.1-8b-instruct-fp8-fast =,@cf/meta/llama-3.1-8b-instruct-fast 0.045/0.384
@cf/meta/llama-3.2-11b-vision-instruct = 0.049/0.676
@cf/meta/llama-3.2-1b-instruct = 0.027/0.201
@cf/meta/llama-3.2-3b-instruct = 0.051/0.335
@cf/meta/llama-3.3-70b-instruct-fp8-fast = 0.293/2.253
@cf/meta/llama-4-scout-17b-16e-instruct = 0.27/0.85
@cf/meta/llama-guard-3-8b = 0.484/0.03
@cf/meta/m2m100-1.2b = 0.342/0.342
@cf/mistral/mistral-7b-instruct-v0.1 = 0.11/0.19
@cf/mistralai/mistral-small-3.1-24b-instruct = 0.351/0.555
@cf/moondream/moondream3.1-9b-a2b = 0.3/1
@cf/moonshotai/kimi-k2.5 = 0.6/3/0.1
@cf/moonshotai/kimi-k2.6 = 0.95/4/0.16
@cf/moonshotai/kimi-k2.7-code = 0.95/4/0.19
@cf/nvidia/nemotron-3-120b-a12b = 0.5/1.5
@cf/openai/gpt-oss-120b = 0.35/0.75
@cf/openai/gpt-oss-20b = 0.2/0.3
@cf/pfnet/plamo-embedding-1b = 0.019/0
@cf/qwen/qwen2.5-coder-32b-instruct = 0.66/1
@cf/qwen/qwen3-30b-a3b-fp8 = 0.051/0.335
@cf/qwen/qwen3-embedding-0.6b = 0.012/0
@cf/qwen/qwen3.8-27b = 0.45/3.2
@cf/qwen/qwq-32b = 0.66/1
@cf/zai-org/glm-4.7-flash = 0.06/0.4
@cf/zai-org/glm-5.2 = 1.4/4.4/0.26
@cf/zai-org/glm-5.3-flash = 0.15/0.5/0.03
# cohere as *cohere* by command-*
c4ai-aya-expanse-32b *aya-expanse-32b* 0.5/1.5
c4ai-aya-expanse-8b *aya-expanse-8b* 0.5/1.5
command = 1/2
command-a =,command-a-03-2025 2.5/10
command-light command-light* 0.3/0.6
command-r =,command-r-08-2024 0.15/0.6
command-r-plus =,command-r-plus-08-2024 2.5/10
command-r7b =,command-r7b-12-2024 0.0375/0.15
embed-v4.0 = 0.12/0
# deepseek by deepseek*
deepseek-chat deepseek-chat*,deepseek-chat-v3-0324 0.135/0.55/0.035 00:30-16:30=0.27/1.1/0.07
deepseek-reasoner =,deepseek-r1*,deepseek-r1-0528 0.135/0.55/0.035 00:30-16:30=0.55/2.19/0.14
deepseek-v3.1-terminus = 0.27/0.95/0.13
deepseek-v3.2 = 0.2288/0.3432
deepseek-v3.2-exp = 0.27/0.41
deepseek-v4-flash deepseek-v4-flash* 0.14/0.28/0.0028 2026-08-17=0.22/0.66/0.007 01:00-04:00=0.44/1.32/0.014 06:00-10:00=0.44/1.32/0.014
deepseek-v4-pro deepseek-v4-pro* 0.435/0.87/0.003625 2026-08-17=0.66/1.98/0.022 01:00-04:00=1.32/3.96/0.044 06:00-10:00=1.32/3.96/0.044
# fireworks by accounts/fireworks/*
deepseek-r1-0528 accounts/fireworks/models/deepseek-r1-0528 3/8
deepseek-v3-0324 accounts/fireworks/models/deepseek-v3-0324 0.9/0.9
deepseek-v3p2 accounts/fireworks/models/deepseek-v3p2 0.56/1.68/0.28
deepseek-v4-flash accounts/fireworks/models/deepseek-v4-flash,accounts/fireworks/models/deepseek-v4-flash-0731 0.14/0.28/0.028
deepseek-v4-pro accounts/fireworks/models/deepseek-v4-pro 1.74/3.48/0.145
gemma-3-27b-it accounts/fireworks/models/gemma-3-27b-it 0.1/0.1
glm-4p7 accounts/fireworks/models/glm-4p7 0.6/2.2
glm-5p1 accounts/fireworks/models/glm-5p1 1.4/4.4/0.26
glm-5p1-fast accounts/fireworks/routers/glm-5p1-fast 2.8/8.8/0.52
glm-5p2 accounts/fireworks/models/glm-5p2 1.4/4.4/0.14
glm-5p2-fast accounts/fireworks/routers/glm-5p2-fast,accounts/fireworks/routers/glm-5p2-fast-us 2.1/6.6/0.21
gpt-oss-120b accounts/fireworks/models/gpt-oss-120b 0.15/0.6/0.014
gpt-oss-20b accounts/fireworks/models/gpt-oss-20b 0.07/0.3/0.035
inkling accounts/fireworks/models/inkling 1/4.05/0.17
kimi-k2p5 accounts/fireworks/models/kimi-k2p5 0.6/3/0.1
kimi-k2p6 accounts/fireworks/models/kimi-k2p6 0.95/4/0.16
kimi-k2p6-fast accounts/fireworks/routers/kimi-k2p6-fast 2/8/0.3
kimi-k2p7-code accounts/fireworks/models/kimi-k2p7-code 0.95/4/0.19
kimi-k2p7-code-fast accounts/fireworks/routers/kimi-k2p7-code-fast 1.9/8/0.38
kimi-k3 accounts/fireworks/models/kimi-k3 3/15/0.3
kimi-k3-fast accounts/fireworks/routers/kimi-k3-fast 4.5/22.5/0.45
kimi-k3-us accounts/fireworks/routers/kimi-k3-us 3.3/16.5/0.33
llama-v3p1-8b-instruct accounts/fireworks/models/llama-v3p1-8b-instruct 0.2/0.2
llama4-maverick-instruct-basic accounts/fireworks/models/llama4-maverick-instruct-basic 0.22/0.88
minimax-m2p1 accounts/fireworks/models/minimax-m2p1 0.3/1.2
minimax-m2p7 accounts/fireworks/models/minimax-m2p7 0.3/1.2/0.06
minimax-m3 accounts/fireworks/models/minimax-m3 0.3/1.2/0.06
nemotron-3-ultra-nvfp4 accounts/fireworks/models/nemotron-3-ultra-nvfp4 0.6/2.4/0.12
qwen2p5-vl-72b-instruct accounts/fireworks/models/qwen2p5-vl-72b-instruct 0.9/0.9
qwen3-235b-a22b accounts/fireworks/models/qwen3-235b-a22b 0.22/0.88
qwen3p6-plus accounts/fireworks/models/qwen3p6-plus 0.5/3/0.1
qwen3p7-plus accounts/fireworks/models/qwen3p7-plus 0.4/1.6/0.08
# google as *google*,*vertex*,*gemini* by *gemini* also anthropic
claude-3-5-haiku *claude-3-5-haiku* 0.8/4/0.08/1
claude-3-5-sonnet *claude-3-5-sonnet* 3/15/0.3/3.75
claude-3-7-sonnet *claude-3-7-sonnet* 3/15/0.3/3.75
claude-3-haiku *claude-3-haiku* 0.25/1.25/0.03/0.3
claude-3-opus *claude-3-opus* 15/75/1.5/18.75
claude-4-opus *claude-4-opus*,*claude-opus-4@*,*claude-opus-4-0*,*claude-opus-4-1*,claude-opus-4 15/75/1.5/18.75
claude-4-sonnet *claude-4-sonnet*,*claude-sonnet-4-0*,*claude-sonnet-4@*,*claude-sonnet-4-2025*,claude-sonnet-4,anthropic/claude-sonnet-4 3/15/0.3/3.75
claude-fable-5 *claude-fable-5,*claude-fable-5@* 10/50/1/12.5
claude-fable-5-1 *claude-fable-5-1,*claude-fable-5-1@* 10/50/0.25/12.5
claude-opus-4-6 *claude-4-6-opus*,*claude-opus-4-6*,*claude-4.6-opus*,*claude-opus-4.6* 5/25/0.5/6.25>200000:10/37.5/1/12.5
claude-opus-4-7 *claude-4-7-opus*,*claude-opus-4-7*,*claude-4.7-opus*,*claude-opus-4.7* 5/25/0.5/6.25
claude-opus-4-8 *claude-4-8-opus*,*claude-opus-4-8*,*claude-4.8-opus*,*claude-opus-4.8* 5/25/0.5/6.25
claude-opus-5 *claude-5-opus*,*claude-opus-5,*claude-opus-5@*,*claude-5.0-opus*,*claude-opus-5.0* 5/25/0.5/6.25
claude-opus-5-5 *claude-5-5-opus*,*claude-opus-5-5,*claude-opus-5-5@*,*claude-5.5-opus*,*claude-opus-5.5* 4/20/0.2/5
claude-sonnet-4-5 *claude-sonnet-4-5*,*claude-sonnet-4.5* 3/15/0.3/3.75>200000:6/22.5/0.6/7.5
claude-sonnet-4-6 *claude-sonnet-4-6*,*claude-sonnet-4.6* 3/15/0.3/3.75
gemini-1.0-pro-vision-001 = 0.125/0.375
gemini-1.5-flash *gemini-1.5-flash* 0.075/0.3/0.01875>128000:0.15/0.6/0.0375
gemini-1.5-pro *gemini-1.5-pro* 1.25/5>128000:2.5/10
gemini-2.0-flash *gemini-2.0-flash,*gemini-2.0-flash-0*,*gemini-2.0-flash-exp*,*gemini-2.0-flash-thinking*,*gemini-2.0-flash-latest* 0.1/0.4/0.025//0.7
gemini-2.0-flash-lite *gemini-2.0-flash-lite* 0.075/0.3
gemini-2.5-flash =,gemini-2.5-flash-latest,gemini-2.5-flash-preview-09-2025 0.3/2.5/0.03//1
gemini-2.5-flash-image =,gemini-2.5-flash-image-preview 0.3/2.5
gemini-2.5-flash-lite =,gemini-2.5-flash-lite-preview*&/^(?!.*-[tT][tT][sS](?:$|-))/ 0.1/0.4/0.01//0.3
gemini-2.5-flash-lite-preview-tts = 0.5/10
gemini-2.5-flash-preview *gemini-2.5-flash-preview-05-20*,*gemini-2.5-flash-preview-04-17*,gemini-2.5-flash-preview-05-20:thinking,=,gemini-2.5-flash-preview:thinking 0.15/0.6
gemini-2.5-flash-tts =,gemini-2.5-flash-preview-tts 0.5/10
gemini-2.5-pro gemini-2.5-pro*&/^(?!.*-[tT][tT][sS](?:$|-))/ 1.25/10/0.125>200000:2.5/15/0.25
gemini-2.5-pro-tts =,gemini-2.5-pro-preview-tts 1/20
gemini-3-flash-preview =,gemini-3-flash-preview-* 0.5/3/0.05//1
gemini-3-pro-image-preview gemini-3-pro-image,gemini-3-pro-image-preview* 2/12
gemini-3-pro-preview gemini-3-pro-preview*,gemini-3-pro-text-preview 2/12/0.2>200000:4/18/0.4
gemini-3.1-flash-image-preview gemini-3.1-flash-image,gemini-3.1-flash-image-preview* 0.5/3
gemini-3.1-flash-lite =,gemini-3.1-flash-lite-preview* 0.25/1.5/0.025//0.5
gemini-3.1-flash-lite-image gemini-3.1-flash-lite-image* 0.25/1.5
gemini-3.1-flash-live-preview gemini-3.1-flash-live-preview* 0.75/4.5///3/12
gemini-3.1-pro-preview gemini-3.1-pro-preview* 2/12/0.2>200000:4/18/0.4
gemini-3.5-flash =,gemini-3.5-flash-preview*,/^gemini-3\.5-flash-\d/ 1.5/9/0.15
gemini-3.5-flash-lite gemini-3.5-flash-lite* 0.3/2.5/0.03
gemini-3.6-flash gemini-3.6-flash* 0.75/3.75/0.075 2027-01-01=1.5/7.5/0.15
gemini-3.7-flash gemini-3.7-flash* 0.75/3.75/0.075 2027-01-01=1.5/7.5/0.15
gemini-3.8-flash gemini-3.8-flash* 0.75/3.75/0.075 2027-01-01=1.5/7.5/0.15
gemini-embedding-001 = 0.15/0
gemini-embedding-2 = 0.2/0///6.5
gemini-flash-1.5 = 0.075/0.3/0.01875>128000:0.15/0.6/0.0375
gemini-flash-1.5-8b = 0.0375/0.15/0.01>128000:0.075/0.3/0.02
gemini-live-2.5-flash gemini-live-2.5-flash*,gemini-2.5-flash-native-audio-preview*,gemini-2.5-flash-native-audio-latest 0.5/2///3/12
gemini-omni-flash-preview gemini-omni-flash-preview* 1.5/9
gemini-pro =,gemini-1.0-pro 0.125/0.375
gemini-pro-1.5 = 1.25/5/0.3125>128000:2.5/10/0.625
gemma-2-27b-it = 0.65/0.65
gemma-3 gemma-3-*,= 0/0
gemma-3n gemma-3n* 0/0
gemma-4-26b-a4b-it = 0/0
gemma-4-26b-a4b-it-maas = 0.15/0.6/0.015
gemma-4-31b-it = 0/0
# groq
deepseek-r1-distill-llama-70b = 0.75/0.99
gemma-7b-it = 0.07/0.07
gemma2-9b-it =,gemma2-9b 0.2/0.2
llama-3.1-405b-reasoning = 0.59/0.79
llama-3.1-70b-versatile = 0.59/0.79
llama-3.1-8b-instant = 0.05/0.08
llama-3.2-11b-text-preview = 0.18/0.18
llama-3.2-11b-vision-preview = 0.18/0.18
llama-3.2-1b-preview = 0.04/0.04
llama-3.2-3b-preview = 0.06/0.06
llama-3.2-90b-text-preview = 0.9/0.9
llama-3.2-90b-vision-preview = 0.9/0.9
llama-3.3-70b-specdec = 0.59/0.99
llama-3.3-70b-versatile = 0.59/0.79
llama-guard-3-8b = 0.2/0.2
llama2-70b-4096 = 0.7/0.8
llama3-70b-8192 = 0.59/0.79
llama3-8b-8192 = 0.05/0.08
llama3-groq-70b-8192-tool-use-preview = 0.89/0.89
llama3-groq-8b-8192-tool-use-preview = 0.19/0.19
meta-llama/llama-4-maverick-17b-128e-instruct = 0.2/0.6
meta-llama/llama-4-scout-17b-16e-instruct = 0.11/0.34
meta-llama/llama-guard-4-12b = 0.2/0.2
mistral-saba-24b = 0.79/0.79
mixtral-8x7b-32768 = 0.24/0.24
moonshotai/kimi-k2-instruct =,moonshotai/kimi-k2-instruct-0905 1/3/0.5
openai/gpt-oss-120b =,openai/gpt-oss-safeguard-20b 0.15/0.6/0.075
openai/gpt-oss-20b = 0.075/0.3/0.0375
qwen/qwen3-32b = 0.29/0.59
whisper-large-v3 = -
whisper-large-v3-turbo = -
# minimax by minimax-m*,minimax-01,m2-her
m2-her = 0.3/1.2
minimax-m2 =,minimax-m2.1,minimax-m2.5 0.3/1.2/0.03/0.375
minimax-m2.1-highspeed *m2.1-highspeed* 0.6/2.4/0.03/0.375
minimax-m2.5-highspeed *m2.5-highspeed* 0.6/2.4/0.03/0.375
minimax-m2.7 = 0.3/1.2/0.06/0.375
minimax-m2.7-highspeed *m2.7-highspeed* 0.6/2.4/0.06/0.375
minimax-01 = 0.2/1.1
minimax-m1 = 0.4/2.2
minimax-m3 = 0.3/1.2/0.06>512000:0.6/2.4/0.12
# mistral as mistral* by /^(?![^/]+/)(?:labs-)?(?:(?:mi|code|dev|magi|mini)stral|mixtral|pixtral|voxtral|open-(?:mistral|mixtral))/
codestral codestral-latest,codestral-2501 0.3/0.9
codestral-2508 = 0.3/0.9/0.03
devstral-2512 = 0.4/2/0.04
devstral-small =,devstral-small-2505,devstral-small-2507,devstral-small-latest,labs-devstral-small-2512 0.1/0.3
devstral-small:free = 0/0
magistral-medium magistral-medium* 2/5
magistral-small magistral-small-* 0.5/1.5
ministral-14b-2512 = 0.2/0.2/0.02
ministral-3b = 0.04/0.04
ministral-3b-2512 = 0.1/0.1/0.01
ministral-8b =,ministral-8b-2410 0.1/0.1
ministral-8b-2512 = 0.15/0.15/0.015
ministral-8b-latest = 0.1/0.1 2025-12-02=0.15/0.15/0.015
mistral-7b =,open-mistral-7b 0.25/0.25
mistral-embed = 0.1/0.1
mistral-large =,mistral-large-latest,mistral-large-2407,mistral-large-2411 2/6
mistral-large-2512 = 0.5/1.5/0.05
mistral-medium-2312 = 2.7/8.1
mistral-medium-3-1 mistral-medium,mistral-medium-2505,mistral-medium-2508 0.4/2/0.04
mistral-medium-3-5 mistral-medium-3.5,=,mistral-medium-3 1.5/7.5/0.15
mistral-medium-latest = 0.4/2/0.04 2026-06-16=1.5/7.5/0.15
mistral-nemo =,open-mistral-nemo 0.15/0.15
mistral-nemo:free = 0/0
mistral-ocr-2503 =,mistral-ocr-2503-completion -
mistral-ocr-2505 =,mistral-ocr-2505-completion -
mistral-ocr-2512 =,mistral-ocr-2512-completion -
mistral-ocr-4-0 =,mistral-ocr-4-0-completion -
mistral-ocr-4-1 mistral-ocr-4,mistral-ocr-4-completion,=,mistral-ocr-4-1-completion -
mistral-ocr-latest =,mistral-ocr-latest-completion - 2025-05-22=- 2025-12-18=- 2026-06-23=-
mistral-saba =,mistral-saba-latest 0.2/0.6
mistral-small-24b-instruct-2501 = 0.05/0.08
mistral-small-24b-instruct-2501:free = 0/0
mistral-small-2603 = 0.15/0.6/0.015
mistral-small-3.1-24b-instruct = 0.351/0.555
mistral-small-3.2-24b-instruct = 0.075/0.2
mistral-small-latest = 0.1/0.3
mistral-tiny = 0.25/0.25
mixtral-8x22b-instruct = 0.9/0.9
mixtral-8x7b mixtral-8x7b*,open-mixtral-8x7b 0.7/0.7
pixtral-12b =,pixtral-12b-latest 0.15/0.15
pixtral-large pixtral-large-latest,pixtral-large-2411 2/6
voxtral-mini-2602 voxtral-mini-latest,= -
voxtral-small-24b-2507 =,voxtral-small-2507,voxtral-small-latest 0.1/0.3/0.01 2026-08-11=0.1/0.4/0.01
# moonshotai as *moonshot* by kimi*,moonshot*
kimi-k2 = 0.57/2.3
kimi-k2-0711-preview = 0.6/2.5/0.15
kimi-k2-0905-preview = 0.6/2.5/0.15
kimi-k2-thinking = 0.6/2.5/0.15
kimi-k2-thinking-turbo = 1.15/8/0.15
kimi-k2-turbo-preview kimi-k2-turbo* 1.15/8/0.15
kimi-k2.5 kimi-k2.5* 0.6/3/0.1
kimi-k2.6 kimi-k2.6* 0.95/4/0.16
kimi-k2.7-code = 0.95/4/0.19
kimi-k2.7-code-highspeed = 1.9/8/0.38
kimi-k3 = 3/15/0.3
moonshot-v1-128k =,moonshot-v1-128k-vision-preview 2/5
moonshot-v1-32k =,moonshot-v1-32k-vision-preview 1/3
moonshot-v1-8k =,moonshot-v1-8k-vision-preview 0.2/2
# openai as *openai* by gpt-*,whisper-1,/^o[134]/
ada =,text-ada-001 0.4/0.4
babbage = 0.5/0.5
chatgpt-4o-latest = 5/15
codex-mini =,codex-mini-latest 1.5/6/0.375
computer-use computer-use* 3/12
curie =,text-curie-001 2/2
davinci =,text-davinci-001 20/20
ft:gpt-3.5-turbo- ft:gpt-3.5-turbo* 3/6
ft:gpt-4o ft:gpt-4o-2024-* 3.75/15
ft:gpt-4o-mini ft:gpt-4o-mini-2024-* 0.3/1.2
gpt-3.5-0301 gpt-3.5-turbo-0301,= 1.5/2
gpt-3.5-turbo =,gpt-35-turbo,gpt-3.5-turbo-0125 0.5/1.5
gpt-3.5-turbo-0613 = 1.5/2
gpt-3.5-turbo-1106 = 1/2
gpt-3.5-turbo-16k =,gpt-3.5-turbo-16k-0613,gpt-35-turbo-16k-0613,gpt-35-turbo-16k 3/4
gpt-3.5-turbo-instruct gpt-3.5-turbo-instruct*,gpt-3.5-turbo-instruct-0914 1.5/2
gpt-4 =,gpt-4-0314,gpt-4-0613,ft:gpt-4-0* 30/60
gpt-4-32k =,gpt-4-32k-0314,gpt-4-32k-0613 60/120
gpt-4-turbo =,gpt-4-turbo-2024-04-09,gpt-4-turbo-0125-preview,gpt-4-0125-preview,gpt-4-1106-preview,gpt-4-turbo-preview 10/30
gpt-4-vision-preview =,gpt-4-1106-vision-preview 10/30
gpt-4.1 =,gpt-4.1-2025-04-14 2/8/0.5
gpt-4.1-mini =,gpt-4.1-mini-2025-04-14 0.4/1.6/0.1
gpt-4.1-nano =,gpt-4.1-nano-2025-04-14 0.1/0.4/0.025
gpt-4.5-preview gpt-4.5-preview* 75/150/37.5
gpt-4o =,gpt-4o-2024-08-06,gpt-4o-2024-11-20 2.5/10/1.25
gpt-4o-2024-05-13 = 5/15
gpt-4o-audio-preview gpt-4o-audio-preview* 2.5/10
gpt-4o-mini =,gpt-4o-mini-2024-07-18,gpt-4o-mini-search-preview,gpt-4o-mini-search-preview-2025-03-11 0.15/0.6/0.075
gpt-4o-mini-2024-07-18.ft- gpt-4o-mini-2024-07-18.ft-* 0.3/1.2
gpt-4o-mini-audio-preview gpt-4o-mini-audio* 0.15/0.6
gpt-4o-mini-realtime-preview gpt-4o-mini-realtime* 0.6/2.4/0.3//10/20
gpt-4o-mini-transcribe = 1.25/5///3
gpt-4o-mini-tts = 0.6/12
gpt-4o-realtime-preview gpt-4o-realtime* 5/20/2.5//40/80
gpt-4o-search-preview =,gpt-4o-search-preview-2025-03-11 2.5/10
gpt-4o-transcribe =,gpt-4o-transcribe-diarize 2.5/10///6
gpt-4o:extended = 6/18
gpt-5 =,gpt-5-2025-08-07,gpt-5-chat,gpt-5-chat-latest,gpt-5-codex 1.25/10/0.125
gpt-5-image = 10/10/1.25
gpt-5-image-mini = 2.5/2/0.25
gpt-5-mini =,gpt-5-mini-2025-08-07 0.25/2/0.025
gpt-5-nano =,gpt-5-nano-* 0.05/0.4/0.005
gpt-5-pro =,gpt-5-pro-2025-10-06 15/120
gpt-5.1 =,gpt-5.1-2025-11-13,gpt-5.1-codex,gpt-5.1-codex-max,gpt-5.1-chat,gpt-5.1-chat-latest,gpt-5-1,gpt-5-1-2025-11-13,gpt-5-1-codex,gpt-5-1-codex-max,gpt-5-1-chat,gpt-5-1-chat-latest 1.25/10/0.125
gpt-5.1-codex-mini =,gpt-5.1-mini,gpt-5-1-codex-mini,gpt-5-1-mini 0.25/2/0.025
gpt-5.2 =,gpt-5.2-2025-12-11,gpt-5-2,gpt-5-2-2025-12-11,gpt-5.2-chat,gpt-5.2-chat-latest,gpt-5-2-chat,gpt-5-2-chat-latest,gpt-5.2-codex,gpt-5-2-codex 1.75/14/0.175
gpt-5.2-pro =,gpt-5.2-pro-2025-12-11,gpt-5-2-pro-2025-12-11 21/168
gpt-5.3 =,gpt-5-3,gpt-5.3-chat,gpt-5.3-chat-latest,gpt-5-3-chat,gpt-5-3-chat-latest 1.75/14/0.175
gpt-5.3-codex =,gpt-5-3-codex 1.75/14/0.175
gpt-5.4 =,gpt-5.4-2026-03-05,gpt-5-4,gpt-5-4-2026-03-05 2.5/15/0.25>271999:5/22.5/0.5
gpt-5.4-image-2 = 8/15/2
gpt-5.4-mini =,gpt-5.4-mini-2026-03-17,gpt-5-4-mini,gpt-5-4-mini-2026-03-17 0.75/4.5/0.075
gpt-5.4-nano =,gpt-5.4-nano-2026-03-17,gpt-5-4-nano,gpt-5-4-nano-2026-03-17 0.2/1.25/0.02
gpt-5.4-pro =,gpt-5.4-pro-2026-03-05,gpt-5-4-pro,gpt-5-4-pro-2026-03-05 30/180>271999:60/270
gpt-5.5 =,gpt-5.5-2026-04-23,gpt-5.5-2026-04-24,gpt-5-5,gpt-5-5-2026-04-23,gpt-5-5-2026-04-24,gpt-5.5-chat,gpt-5.5-chat-latest,gpt-5-5-chat,gpt-5-5-chat-latest,gpt-5.5-codex,gpt-5-5-codex 5/30/0.5>271999:10/45/1
gpt-5.5-pro =,gpt-5.5-pro-2026-04-23,gpt-5-5-pro,gpt-5-5-pro-2026-04-23 30/180>271999:60/270
gpt-5.6-luna =,gpt-5-6-luna,/^gpt-5\.6-luna-\d{4}-\d{2}-\d{2}$/,/^gpt-5-6-luna-\d{4}-\d{2}-\d{2}$/ 1/6/0.1/1.25>271999:2/9/0.2/2.5 2026-07-30=0.2/1.2/0.02/0.25>271999:0.4/1.8/0.04/0.5
gpt-5.6-sol =,gpt-5-6-sol,gpt-5.6,gpt-5-6,/^gpt-5\.6-sol-\d{4}-\d{2}-\d{2}$/,/^gpt-5-6-sol-\d{4}-\d{2}-\d{2}$/ 5/30/0.5/6.25>271999:10/45/1/12.5 2026-08-21=4/20/0.4/5>271999:8/30/0.8/10
gpt-5.6-terra =,gpt-5-6-terra,/^gpt-5\.6-terra-\d{4}-\d{2}-\d{2}$/,/^gpt-5-6-terra-\d{4}-\d{2}-\d{2}$/ 2.5/15/0.25/3.125>271999:5/22.5/0.5/6.25 2026-07-30=2/12/0.2/2.5>271999:4/18/0.4/5
gpt-6-astra =,/^gpt-6-astra-\d{4}-\d{2}-\d{2}$/ 10/50/1/12.5>271999:20/75/2/25
gpt-6-luna =,/^gpt-6-luna-\d{4}-\d{2}-\d{2}$/ 0.1/0.5/0.01/0.125>272000:0.2/0.75/0.02/0.25
gpt-6-sol =,/^gpt-6-sol-\d{4}-\d{2}-\d{2}$/ 2/10/0.2/2.5>272000:4/15/0.4/5
gpt-audio =,gpt-audio-2025-08-28,gpt-audio-1.5 2.5/10///32/64
gpt-audio-mini =,gpt-audio-mini-2025-10-06,gpt-audio-mini-2025-12-15 0.6/2.4///10/20
gpt-chat-latest = 5/30/0.5
gpt-image-1 = 5/40/1.25
gpt-image-1-mini = 2/8/0.2
gpt-image-1.5 =,gpt-image-1.5-2025-12-16 5/10/1.25
gpt-image-2 =,gpt-image-2-2026-04-21 5/30/1.25
gpt-oss-120b = 0.039/0.18
gpt-oss-20b = 0.029/0.14
gpt-oss-safeguard-20b = 0.075/0.3/0.037
gpt-realtime =,gpt-realtime-2025-08-28,gpt-realtime-1.5 4/16/0.4//32/64
gpt-realtime-2 =,gpt-realtime-2.1 4/24/0.4//32/64
gpt-realtime-mini =,gpt-realtime-2.1-mini,gpt-realtime-mini-2025-12-15,gpt-realtime-mini-2025-10-06 0.6/2.4/0.06//10/20
gpt-transcribe = -
moderation *moderation* 0/0
o1 =,o1-2024-12-17 15/60/7.5
o1-mini =,o1-mini-2024-09-12 1.1/4.4/0.55
o1-preview =,o1-preview-2024-09-12 15/60/7.5
o1-pro =,o1-pro-2025-03-19 150/600
o3 =,o3-2025-04-16 10/40/0.5 2025-06-10=2/8/0.5
o3-deep-research =,o3-deep-research-2025-06-26 10/40/2.5
o3-mini =,o3-mini-2025-01-31,o3-mini-high 1.1/4.4/0.55
o3-pro =,o3-pro-2025-06-10 20/80
o4-mini o4-mini-2025-04-16,o4-mini-high,= 1.1/4.4/0.275
o4-mini-deep-research =,o4-mini-deep-research-2025-06-26 2/8/0.5
text-davinci-002 = 20/20
text-davinci-003 = 20/20
text-embedding-3-large = 0.13/0
text-embedding-3-small = 0.02/0
text-embedding-ada-002 text-embedding-ada,=,text-embedding-ada-002-v2 0.1/0
whisper-1 = -
# perplexity
llama-3.1-sonar-large-128k-online = 1/1
llama-3.1-sonar-small-128k-online = 0.2/0.2
r1-1776 = 2/8
sonar = -
sonar-deep-research = 2/8
sonar-pro = -
sonar-pro-search = 3/15
sonar-reasoning = -
sonar-reasoning-pro = -
# together as together-ai,together_ai
austism/chronos-hermes-13b = 0.3/0.3
gryphe/mythomax-l2-13b = 0.3/0.3
nexusflow/nexusraven-v2-13b = 0.3/0.3
nousresearch/nous-capybara-7b-v1p9 = 0.2/0.2
nousresearch/nous-hermes-2-mixtral-8x7b-dpo = 0.9/0.9
nousresearch/nous-hermes-2-mixtral-8x7b-sft = 0.9/0.9
nousresearch/nous-hermes-2-yi-34b = 0.8/0.8
nousresearch/nous-hermes-llama2-13b = 0.225/0.225
nousresearch/nous-hermes-llama-2-7b = 0.2/0.2
open-orca/mistral-7b-openorca = 0.2/0.2
qwen/qwen1.5-0.5b =,qwen/qwen1.5-0.5b-chat 0.1/0.1
qwen/qwen1.5-1.8b =,qwen/qwen1.5-1.8b-chat 0.1/0.1
qwen/qwen1.5-14b =,qwen/qwen1.5-14b-chat 0.3/0.3
qwen/qwen1.5-4b =,qwen/qwen1.5-4b-chat 0.1/0.1
qwen/qwen1.5-72b = 0.9/0.9
qwen/qwen1.5-7b =,qwen/qwen1.5-7b-chat 0.2/0.2
undi95/remm-slerp-l2-13b = 0.3/0.3
undi95/toppy-m-7b = 0.2/0.2
wizardlm/wizardlm-13b-v1.2 = 0.3/0.3
allenai/olmo-7b =,allenai/olmo-7b-instruct,allenai/olmo-7b-twin-2t 0.2/0.2
codellama/codellama-13b-instruct-hf = 0.225/0.225
codellama/codellama-34b-instruct-hf = 0.776/0.776
codellama/codellama-70b-instruct-hf = 0.9/0.9
codellama/codellama-7b-instruct-hf = 0.2/0.2
deepseek-ai/deepseek-coder-33b-instruct = 0.8/0.8
garage-baind/platypus2-70b-instruct = 0.9/0.9
google/gemma-2b =,google/gemma-2b-it 0.1/0.1
google/gemma-7b =,google/gemma-7b-it 0.2/0.2
lmsys/vicuna-13b-v1.5 = 0.3/0.3
lmsys/vicuna-7b-v1.5 = 0.2/0.2
meta-llama/llama-2-13b-chat-hf = 0.225/0.225
meta-llama/llama-2-70b-chat-hf = 0.9/0.9
meta-llama/llama-2-7b-chat-hf = 0.2/0.2
meta-llama/llama-3-70b-chat-hf = 0.9/0.9
meta-llama/llama-3-8b-chat-hf = 0.2/0.2
meta-llama/llama-3.3-70b-instruct-turbo = 0.88/0.88
meta-llama/llama-4-maverick-17b-128e-instruct-fp8 = 0.27/0.85
meta-llama/llama-4-scout-17b-16e-instruct = 0.18/0.59
meta-llama/meta-llama-3-70b-instruct-lite = 0.54/0.54
meta-llama/meta-llama-3-70b-instruct-turbo = 0.88/0.88
meta-llama/meta-llama-3-8b-instruct-lite = 0.1/0.1
meta-llama/meta-llama-3-8b-instruct-turbo = 0.18/0.18
meta-llama/meta-llama-3.1-405b-instruct-turbo = 3.5/3.5
meta-llama/meta-llama-3.1-70b-instruct-turbo = 0.88/0.88
meta-llama/meta-llama-3.1-8b-instruct-turbo = 0.18/0.18
meta-llama/meta-llama-3.3-70b-instruct-turbo = 0.88/0.88
microsoft/wizardlm-2-8x22b = 1.2/1.2
microsoft/phi-2 = 0.1/0.1
mistralai/mistral-7b-instruct-v0.1 = 0.2/0.2
mistralai/mistral-7b-instruct-v0.2 = 0.2/0.2
mistralai/mistral-7b-v0.1 = 0.2/0.2
mistralai/mixtral-8x22b-instruct-v0.1 = 2.4/2.4
mistralai/mixtral-8x7b-instruct-v0.1 = 0.9/0.9
mistralai/mixtral-8x7b-v0.1 = 0.9/0.9
openchat/openchat-3.5-1210 = 0.2/0.2
snorkelai/snorkel-mistral-pairrm-dpo = 0.2/0.2
teknium/openhermes-2-mistral-7b = 0.2/0.2
teknium/openhermes-2p5-mistral-7b = 0.2/0.2
togethercomputer/gpt-jt-moderation-6b = 0.2/0.2
togethercomputer/llama-2-7b-32k-instruct = 0.2/0.2
togethercomputer/redpajama-incite-7b-base = 0.2/0.2
togethercomputer/redpajama-incite-7b-chat = 0.2/0.2
togethercomputer/redpajama-incite-7b-instruct = 0.2/0.2
togethercomputer/redpajama-incite-base-3b-v1 = 0.1/0.1
togethercomputer/redpajama-incite-chat-3b-v1 = 0.1/0.1
togethercomputer/redpajama-incite-instruct-3b-v1 = 0.1/0.1
togethercomputer/stripedhyena-hessian-7b = 0.2/0.2
togethercomputer/stripedhyena-nous-7b = 0.2/0.2
togethercomputer/alpaca-7b = 0.2/0.2
upstage/solar-10.7b-instruct-v1.0 = 0.3/0.3
zero-one-ai/yi-34b = 0.8/0.8
zero-one-ai/yi-6b = 0.2/0.2
# voyageai as *voyage* by voyage-*
voyage-01 = 0.1/0
voyage-02 = 0.1/0
voyage-2 = 0.1/0
voyage-3 = 0.06/0
voyage-3-large = 0.18/0
voyage-3-lite = 0.02/0
voyage-3.5 = 0.06/0
voyage-3.5-lite = 0.02/0
voyage-4 = 0.06/0
voyage-4-large = 0.12/0
voyage-4-lite = 0.02/0
voyage-code-2 = 0.12/0
voyage-code-3 = 0.18/0
voyage-context-3 = 0.18/0
voyage-finance-2 = 0.12/0
voyage-large-2 = 0.12/0
voyage-large-2-instruct = 0.12/0
voyage-law-2 = 0.12/0
voyage-lite-01 = 0.1/0
voyage-lite-01-instruct = 0.1/0
voyage-lite-02-instruct = 0.1/0
voyage-multilingual-2 = 0.12/0
# x-ai as xai by *grok*
grok-2-1212 =,grok-2,grok-2-latest 2/10
grok-2-vision-1212 =,grok-2-vision,grok-2-vision-latest 2/10
grok-3 =,grok-3-latest,grok-3-beta 3/15/0.75
grok-3-fast =,grok-3-fast-latest,grok-3-fast-beta 5/25/1.25
grok-3-mini =,grok-3-mini-beta,grok-3-mini-latest 0.3/0.5/0.075
grok-3-mini-fast =,grok-3-mini-fast-beta,grok-3-mini-fast-latest 0.6/4/0.15
grok-4-0709 =,grok-4,grok-4-latest 3/15/0.75
grok-4-1-fast-non-reasoning =,grok-4-1-fast-non-reasoning-latest 0.2/0.5/0.05
grok-4-1-fast-reasoning grok-4-1-fast,=,grok-4-1-fast-reasoning-latest 0.2/0.5/0.05
grok-4-fast-non-reasoning =,grok-4-fast-non-reasoning-latest 0.2/0.5/0.05
grok-4-fast-reasoning grok-4-fast,=,grok-4-fast-reasoning-latest 0.2/0.5/0.05
grok-4.20 = 1.25/2.5/0.2>199999:2.5/5/0.4
grok-4.20-multi-agent = 2/6/0.2
grok-4.3 =,/^grok-4\.3-\d{8}$/,x-ai/grok-4.3,/^x-ai/grok-4\.3-\d{8}$/,grok-4.3-latest 1.25/2.5/0.2>199999:2.5/5/0.4
grok-4.5 =,/^grok-4\.5-\d{8}$/,x-ai/grok-4.5,/^x-ai/grok-4\.5-\d{8}$/,grok-4.5-latest,grok-latest 2/6/0.3>199999:4/12/0.6
grok-4.6 =,/^grok-4\.6-\d{8}$/,x-ai/grok-4.6,/^x-ai/grok-4\.6-\d{8}$/,grok-4.6-latest 2/6/0.5>199999:4/12/1
grok-build-0.1 = 1/2/0.2>199999:2/4/0.4
grok-code-fast-1 grok-code-fast,=,grok-code-fast-1-0825 0.2/1.5/0.02
grok-voice-latest = - 2026-08-05=-
grok-voice-think-fast-1.0 = -
grok-voice-think-fast-2.0 = -
# zai
glm-5.2 = 1.4/4.4/0.26
glm-5.3 = 1.4/4.4/0.26
glm-5.3-flash = 0.075/0.25/0.015
# zhipuai by glm-*
glm-4-air = 0.069/0.069/0.034
glm-4-airx = 1.379/1.379
glm-4-assistant = 0.69/0.69
glm-4-flashx-250414 = 0.014/0.014/0.007
glm-4-long = 0.138/0.138/0.069
glm-4-plus = 0.69/0.69/0.345
glm-4.5-air = 0.11/0.276/0.022
glm-4.7 = 0.276/1.103/0.055
glm-4.7-flashx = 0.069/0.414/0.014
glm-5 = 0.552/2.483/0.138
glm-5-turbo = 0.69/3.034/0.166
glm-5.1 =,glm-5.1-20260406 0.828/3.31/0.179
glm-5.2 = 1.103/3.862/0.276
glm-5.3 = 1.103/3.862/0.276
glm-5.3-flash = 0.055/0.193/0.016
# huggingface_cerebras`
